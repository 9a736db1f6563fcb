// Compares what a client saw with what the server has, once nothing lives there any more.
#ifndef TASKFORGE_CRASH_VERDICT_H_
#define TASKFORGE_CRASH_VERDICT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "crash/history.h"
#include "crash/plan.h"

namespace taskforge::crash {

// As the API numbers them.
enum class State : uint8_t {
  kUnspecified,
  kScheduled,
  kQueued,
  kRunning,
  kSucceeded,
  kFailed,
  kCancelled,
  kExpired,
};
const char* Name(State state);
constexpr bool HasEnded(State state) { return state >= State::kSucceeded; }

// A task as the server shows it. Times in microseconds of Unix time.
struct Found {
  int64_t number = -1;  // From its label; -1: it has none of ours.
  std::string name;
  State state = State::kUnspecified;
  int listed = 1;        // How often a list of all tasks has the name.
  bool is_whole = true;  // False: as a list shows it, without its output.
  int started = 0;       // Attempts that started.
  int lost = 0;          // ... and were lost with the server.
  int failed = 0;        // ... and failed by themselves.
  int64_t first_us = 0;  // When the first of them started; 0: none did.
  int64_t last_us = 0;   // ... the last.
  int64_t ended_us = 0;  // When the task ended.
  std::string output;    // What it ended with.
  std::string reason;    // Of its error.

  std::string ToString() const;
};

// The lines of the report; guarantees.md calls them so.
enum class Invariant : uint8_t {
  kI1,   // No acknowledged task is lost, none is there twice, and none that nobody submitted.
  kI8,   // What has ended stays as it is.
  kI9,   // However often one request_id is sent, there is one task.
  kI10,  // An acknowledged cancel of a waiting task means that it never starts.
  kI12,  // None starts before its time, or after its deadline.
  kI14,  // SIGTERM under load ends the server in time and well, and leaves nothing behind.
};
inline constexpr int kInvariantCount = 6;
const char* Name(Invariant invariant);

enum class Wrong : uint8_t { kLost, kDuplicated, kUnexpected };
const char* Name(Wrong wrong);

struct Violation {
  Invariant invariant = Invariant::kI1;
  Wrong wrong = Wrong::kLost;
  int64_t number = -1;
  std::string name;  // Of the task, if it is known.
  std::string what;
};

struct Verdict {
  int64_t submits = 0;       // Tasks; however often each was sent.
  int64_t acknowledged = 0;  // Of them.
  int64_t sent_again = 0;    // Submissions of a request_id beyond its first.
  int64_t cancelled = 0;     // Acknowledged cancels of tasks that waited.
  int64_t timed = 0;         // Tasks with a deadline or a time to start at.
  std::vector<Violation> violations;
};

// What the server was told and promises.
struct Rules {
  std::function<Plan(int64_t)> plan_of;
  int durability = 3;         // Of every acknowledgement: DURABLE.
  int lost_attempts_max = 3;  // More than these, and a task is POISONED.
  // How exactly a start can be placed between clocks of one machine.
  int64_t slack_us = 1'000;
};

// A pure function: the same verdict for the same arguments.
Verdict Judge(const Rules& rules, const std::vector<Event>& history,
              const std::vector<Found>& found);

// What has changed between two looks at tasks that had all ended. Outputs are compared where both
// looks have them.
std::vector<Violation> Compare(const std::vector<Found>& before, const std::vector<Found>& after);

}  // namespace taskforge::crash

#endif  // TASKFORGE_CRASH_VERDICT_H_

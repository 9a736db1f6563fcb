// What the torture asks of the server: every task follows from the seed and the task's number.
#ifndef TASKFORGE_CRASH_PLAN_H_
#define TASKFORGE_CRASH_PLAN_H_

#include <cstdint>
#include <string>

namespace taskforge::crash {

enum class Work : uint8_t {
  kEcho,    // Returns its input.
  kSha256,  // Returns the digest of its input.
  kSleep,   // Some milliseconds.
  kFlaky,   // Fails `failures` times, then succeeds.
  kFail,    // Fails in each of its attempts, with kFailReason.
};

inline constexpr char kFailReason[] = "TORTURE";

// One task as it will be submitted, and what it must end with.
struct Plan {
  Work work = Work::kEcho;
  std::string handler;
  std::string input;
  std::string output;  // When it succeeds. Of kFlaky: how the output begins.
  int priority = 0;    // As the API numbers them.
  int failures = 0;    // Of kFlaky.
  int attempts_max = 1;
  // From the time of the submission; 0: none.
  int delay_ms = 0;
  int deadline_ms = 0;
  bool has_task_id = false;
  bool has_request_id = false;  // It has this, or a task id, or both.
  bool is_sent_twice = false;   // At once, under its request_id.
  bool is_cancelled = false;    // As soon as it is acknowledged.
};

// The same for the same arguments, in every build.
Plan PlanOf(uint64_t seed, int64_t number);

// The name that a task with a task id has on the server, and the parts of a submission.
std::string TaskIdOf(int64_t number);
std::string NameOf(int64_t number);
std::string RequestIdOf(int64_t number);

}  // namespace taskforge::crash

#endif  // TASKFORGE_CRASH_PLAN_H_

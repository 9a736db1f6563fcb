// What clients know of their tasks, and what must therefore be true: the checker of a simulation.
#ifndef TASKFORGE_SIMULATION_ORACLE_H_
#define TASKFORGE_SIMULATION_ORACLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "support/fake_clock.h"
#include "support/sim_engine.h"
#include "task/task_types.h"

namespace taskforge {

// How a life of the server ends.
enum class LifeEnd {
  kOrderly,  // It was stopped.
  kKilled,   // The process ended; what was written is there.
  kNoPower,  // Of what was not synced some is there.
};

// Knows each task by the number of the intent that a client submitted, which is its input. What it
// checks, with the numbers of the table of invariants:
//   I1, I3  what was acknowledged outlives a crash as its durability says
//   I2, I8  so does a result that was told; and it is the same for ever
//   I7      a task has one result, of the attempt that it names
//   I9      a request_id is one task
//   I10     what was cancelled while it waited never starts, nor does what was refused
// Not thread-safe.
class Oracle {
 public:
  struct Intent {
    TaskSpec spec;
    int asked_in = 0;      // The life in which it was submitted first.
    int in_flight = 0;     // Submissions without an answer.
    bool unknown = false;  // An answer never came, or was that the store failed.
    bool refused = false;
    bool accepted = false;
    std::string name;          // Of its task; empty: not known.
    bool deleted = false;      // Or may be.
    bool never_again = false;  // It must not start.
    int last_attempt = 0;      // In this life.
    int ends_told = 0;         // In this life, to those who wait.
    struct Result {
      TaskState state;
      size_t attempts;
      std::string output;
      absl::Time expires;
    };
    std::optional<Result> result;
    // Of the acceptance, the result and a cancel of what ran: when it was told.
    struct Told {
      MonoTime at;
      uint64_t syncs = 0;
    };
    Told accepted_at;
    Told result_at;
    std::optional<Told> stop_at;
    Durability durability = Durability::kDurable;
  };

  // Both must outlive it.
  Oracle(const FakeClock& clock, const SimDisk& disk, absl::Duration flush_interval)
      : clock_(clock), disk_(disk), flush_interval_(flush_interval) {
    NoteWallClock();
  }

  size_t size() const { return intents_.size(); }
  const Intent& at(size_t i) const { return intents_[i]; }
  // What it holds against the server, in words; it goes on after the first.
  const std::vector<std::string>& violations() const { return violations_; }
  void Complain(size_t i, absl::string_view what);
  void Complain(absl::string_view what);

  // An intent, and what is asked for. REQUIRES, of the spec: nobody has submitted it.
  size_t Add();
  void SetSpec(size_t i, TaskSpec spec) { intents_[i].spec = std::move(spec); }
  void Asked(size_t i) { ++intents_[i].in_flight; }
  void Accepted(size_t i, const TaskRecord& record, bool is_duplicate);
  // `was_accepted`: before this submission was made.
  void Refused(size_t i, bool was_accepted, const absl::Status& status);
  // A record that was shown, also of a task that lives; or the end that was told.
  void Shown(size_t i, const TaskRecord& record);
  void EndTold(size_t i, const TaskRecord& record);
  void NotFound(size_t i);
  void CancelAcknowledged(size_t i, const TaskRecord& record);
  void DeleteAsked(size_t i) { intents_[i].deleted = true; }
  void DeleteAnswered(size_t i, const absl::Status& status);
  // `wall` is when it was dispatched; infinite past: who knows.
  void Started(size_t i, const std::string& name, int attempt, absl::Time wall);

  // After each step of the wall clock.
  void NoteWallClock();
  bool HasUnanswered() const;

  // This life has ended; then, once the next has begun, each intent that survives is shown, or not
  // found, or Lost.
  void LifeEnded(LifeEnd end);
  // Those whose tasks are to be looked for now.
  bool IsToBeFound(size_t i) const { return intents_[i].accepted; }
  bool MustBeThere(size_t i) const { return intents_[i].accepted && !MayBeGone(intents_[i]); }
  // All have been looked for: from now on everything must be there.
  void Recovered();
  // At the very end, when nothing is left to do.
  void Finished(size_t i);
  int life() const { return life_; }

 private:
  Intent::Told Now() const { return {clock_.Monotonic(), disk_.syncs()}; }
  // Whether what was told then had to reach the disk before the life ended.
  bool Outlives(const Intent& intent, const Intent::Told& told, LifeEnd end) const;
  bool MayBeGone(const Intent& intent) const;
  void SetResult(size_t i, const TaskRecord& record);
  void Forget(Intent& intent);

  const FakeClock& clock_;
  const SimDisk& disk_;
  const absl::Duration flush_interval_;
  std::vector<Intent> intents_;
  std::vector<std::string> violations_;
  int life_ = 0;
  // Of the wall clock, in all of the simulation.
  absl::Time earliest_wall_ = absl::InfiniteFuture();
  absl::Time latest_wall_ = absl::InfinitePast();
  // Of the last end: what need not have survived.
  std::vector<bool> may_be_lost_;
  std::vector<bool> result_may_be_lost_;
};

}  // namespace taskforge

#endif  // TASKFORGE_SIMULATION_ORACLE_H_

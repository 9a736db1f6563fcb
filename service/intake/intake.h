// Accepts tasks: validates, reserves, stores, then enqueues. After the receipt a task is as safe as
// its effective durability says, and nothing that follows can fail for want of room.
#ifndef TASKFORGE_INTAKE_INTAKE_H_
#define TASKFORGE_INTAKE_INTAKE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "intake/admission_policy.h"
#include "intake/wait_starter.h"
#include "queues/task_queues.h"
#include "store/task_store.h"
#include "task/live_tasks.h"
#include "task/task_api.h"
#include "task/uuid.h"
#include "task/validation.h"

namespace taskforge {

// Which handlers there are. Thread-safe.
class HandlerDirectory {
 public:
  virtual ~HandlerDirectory() = default;
  virtual bool Knows(absl::string_view handler) const = 0;
  // Names like it, the nearest first, for people who mistyped; at most a few.
  virtual std::vector<std::string> Near(absl::string_view handler) const = 0;
  // Whether remote workers run it, and not the pool.
  virtual bool IsRemote(absl::string_view handler) const = 0;
};

// How much the pool has to do. Thread-safe.
class PoolLoad {
 public:
  virtual ~PoolLoad() = default;
  // The processors have more to do than they can, and more threads would not help. Cheap: asked for
  // each task.
  virtual bool IsOverloaded() const = 0;
  // For how long the oldest task for the pool has waited that is at least as urgent as `priority`;
  // zero: none waits. Asked only while it is overloaded.
  virtual absl::Duration OldestWait(Priority priority) const = 0;
};

struct IntakeOptions {
  TaskLimits limits;
  TaskDefaults defaults;
  SheddingOptions shedding;
  // request_ids of ended tasks that are remembered. Over it the oldest are forgotten.
  size_t max_request_ids = 100'000;
  // How long one is remembered after its task has ended.
  absl::Duration request_id_ttl = absl::Hours(24);
};

struct IntakeStats {
  struct Submitted {
    std::string queue;  // `_other`: one that there is not, or beyond the first that there were.
    Priority priority;
    Decision decision;
    uint64_t count = 0;
  };
  std::vector<Submitted> submitted;  // Every combination, also those at zero.
  size_t request_ids = 0;            // Remembered now.
};

// What an audit asks (audit.h).
struct IntakeCounts {
  uint64_t accepted = 0;
  // Tasks that were made to be accepted, and those of them of which that was decided, either way.
  // In between they are among the living (LiveTasks), and not accepted yet.
  uint64_t begun = 0;
  uint64_t decided = 0;
};

// Thread-safe. Everything given to the constructor must outlive it and every callback of the store
// and the timer.
class Intake final : public Submitter {
 public:
  struct Parts {
    const Clock& clock;
    UuidSequence& uuids;
    const HandlerDirectory& handlers;
    const PoolLoad& load;
    TaskQueues& queues;
    TaskStore& store;
    LiveTasks& live_tasks;
    TaskRunner& runner;
    WaitStarter& waits;
  };

  Intake(IntakeOptions options, const Parts& parts);
  ~Intake() override;

  // Refusals: INVALID_ARGUMENT with all violations; NOT_FOUND, reason NAMESPACE_UNKNOWN;
  // UNIMPLEMENTED for a durability that is not offered; NOT_FOUND, reason QUEUE_UNKNOWN;
  // FAILED_PRECONDITION, reason HANDLER_UNKNOWN, with near names; UNAVAILABLE, reason DRAINING or
  // STORE_FAILED; RESOURCE_EXHAUSTED, reason QUEUE_FULL, BYTES_FULL or POOL_OVERLOADED;
  // ALREADY_EXISTS, reason REQUEST_ID_REUSED or TASK_EXISTS. A repeated submission gets the first
  // one's answer before all but the first three are looked at: also while draining; or NOT_FOUND,
  // reason TASK_GONE, with the task's name, once that has ended and its record is gone.
  void Submit(Submission submission) override;
  void SubmitBatch(std::vector<Submission> submissions) override;

  // From now on new tasks are refused; accepted ones go their way. For good.
  void SetDraining();
  bool is_draining() const;

  IntakeStats Stats() const;
  IntakeCounts Counts() const;

 private:
  class Core;
  const std::unique_ptr<Core> core_;
};

}  // namespace taskforge

#endif  // TASKFORGE_INTAKE_INTAKE_H_

// The named queues: every waiting task, and the limits of how many there may be. Queues come and go
// while the server runs. Tasks wait in lanes: one for what the pool runs (the local lane), from
// which they are released to it a few at a time, and one for each handler that remote workers
// serve, from which workers claim them. In a lane a task waits by priority, then in turns between
// queues, then first in, first out.
#ifndef TASKFORGE_QUEUES_TASK_QUEUES_H_
#define TASKFORGE_QUEUES_TASK_QUEUES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/shared_text.h"
#include "queues/queue_ledger.h"
#include "queues/queue_options.h"
#include "queues/release_target.h"
#include "task/admission.h"
#include "task/start_gate.h"
#include "task/task.h"

namespace taskforge {

// Which lane a task waits in. Thread-safe.
class LaneDirectory {
 public:
  virtual ~LaneDirectory() = default;
  // Whether remote workers serve the handler, be it that none is connected now. The answer for a
  // known handler never changes.
  virtual bool IsRemote(absl::string_view handler) const = 0;
};

// A queue as it is now.
struct QueueStats {
  QueueOptions options;
  size_t tasks = 0;  // Admitted and not given back.
  size_t bytes = 0;
  PerPriority<size_t> waiting;             // In all lanes; released ones no more.
  PerPriority<absl::Duration> oldest_age;  // Of the waiting; zero if none.
};

struct LaneStats {
  std::string handler;  // Empty: the local lane.
  bool is_served = true;
  PerPriority<size_t> waiting;
  PerPriority<size_t> held;  // Of these, in paused queues.
};

struct TaskQueuesStats {
  std::vector<QueueStats> queues;  // In the order in which they were made.
  std::vector<LaneStats> lanes;    // The local one first.
};

// What is before a task that waits for its turn, as of one moment.
struct TaskPlace {
  // False: it has left the queues, and the pool has it; then only `released` and `more_urgent` say
  // something.
  bool is_in_queue = false;
  size_t in_queue = 0;  // Of its own queue and priority.
  // Else `in_queue` is the most that it may be.
  bool is_in_queue_exact = true;
  // Of its priority in other queues, which take turns with its own; of a paused queue none.
  size_t in_other_queues = 0;
  size_t more_urgent = 0;  // Most of them go first: the waiting bound says when one does not.
  size_t released = 0;     // Of its priority, with the pool already.
  // Dispatches of the pool that count for its priority since it was enqueued, and how long that is.
  // Zero for what workers run.
  uint64_t starts = 0;
  absl::Duration waited;

  size_t ahead() const { return in_queue + in_other_queues + more_urgent + released; }
  bool is_exact() const { return is_in_queue && is_in_queue_exact && more_urgent == 0; }
};

// Thread-safe. Everything given to the constructor must outlive it; whoever calls Refill must have
// stopped before it goes.
class TaskQueues final : public TaskSink, public AdmissionLedger, public StartGate {
 public:
  using LaneListener = absl::AnyInvocable<void(absl::string_view handler) const>;

  // REQUIRES: options.Validate() is empty.
  TaskQueues(TaskQueuesOptions options, const Clock& clock, const LaneDirectory& lanes,
             ReleaseTarget& target);
  ~TaskQueues() override;

  // A place for a task of `bytes`, or RESOURCE_EXHAUSTED with reason QUEUE_FULL or BYTES_FULL, the
  // quota that is used up and when to come again, by the rate at which places come back;
  // NOT_FOUND, reason QUEUE_UNKNOWN.
  absl::StatusOr<Admission> Admit(absl::string_view queue, size_t bytes);
  // The same for a task that was accepted in another life of the server: whatever the limits say.
  absl::StatusOr<Admission> AdmitRecovered(absl::string_view queue, size_t bytes);
  void GiveBack(size_t queue_index, size_t bytes) override;

  // What who submits must know before it asks for a place. Nothing: there is no such queue.
  struct Facts {
    std::optional<Priority> default_priority;
    Ref<const SharedTaskDefaults> task_defaults;  // Null: none.
    size_t label = 0;                             // As Labels() has it.
  };
  std::optional<Facts> Look(absl::string_view queue) const;
  // REQUIRES: the caller holds a place in the queue.
  const SharedText& NameOf(size_t queue_index) const;
  // As Admit says it.
  absl::Status UnknownError(absl::string_view queue) const;
  // Names for counts by queue, so that these are bounded: of the first kLabels queues that there
  // were, gone ones included; all others have the label kLabels.
  static constexpr size_t kLabels = 16;
  std::vector<std::string> Labels() const;

  // Queues come, change and go while the server runs (queue_table.h has the errors of each).
  absl::Status Create(QueueOptions options);
  // As it was in another life of the server. REQUIRES: the queue has no task yet.
  absl::Status Restore(QueueOptions options);
  absl::Status Update(absl::string_view queue, const QueueUpdate& update);
  // A queue that has no living task; never `default`.
  absl::Status Delete(absl::string_view queue);
  // Once it has returned, nothing more of the queue is released to the pool or given to a worker,
  // and what was released before goes back (StartGate), but for what is just being started. Places
  // in the order are kept; but of what had been released and has not all come back when the queue
  // is resumed, some may start before others. Pausing a paused queue notes the new reason.
  absl::Status Pause(absl::string_view queue, absl::string_view reason);
  absl::Status Resume(absl::string_view queue, absl::string_view reason);
  // Notes that so many tasks of it were cancelled: whoever purges has the tasks
  // (rpc/queue_control.h).
  absl::Status NotePurge(absl::string_view queue, absl::string_view reason, uint64_t tasks);
  // As Stats() has it. NOT_FOUND, reason QUEUE_UNKNOWN.
  absl::StatusOr<QueueStats> Get(absl::string_view queue) const;

  // Stamps Work::enqueued, Task::ahead and Task::enqueued_dispatch. Drops a task whose phase is not
  // QUEUED any more. A task never overtakes one whose Enqueue returned before, in the same lane,
  // queue and priority; kFront (for attempts that were lost) goes before those that wait.
  //
  // Task::ahead is an upper bound of the tasks that start before it in its priority: for a task
  // that waits, its place in the turns of the queues and what is released; for one that is released
  // at once, what is released. Not counted: what is enqueued at the same moment by others, kFront,
  // what comes back from the pool because its queue was paused, and queues that are made later.
  // While the task's own queue is paused the bound does not run.
  void Enqueue(TaskRef task, Position position) override;
  // O(1): a lock and a few pointers.
  bool Remove(Task& task) override;
  // Of the local lane what is released counts as waiting too. A few loads there; a lock for a
  // remote lane.
  WaitReason WhyWaits(const Task& task) const override;
  // Where a task stands whose phase is QUEUED and that does not wait for a time. Under the lock of
  // its lane, or level, tasks are counted from it to the nearer end of its queue, at most
  // FairList::kMostCounted to either side, and the queues that have tasks there are looked at.
  TaskPlace PlaceOf(const Task& task) const;
  // A task that is taken back goes before all that came after it, with the time from which it waits
  // as it was.
  bool TakeBack(const TaskRef& task) override;

  // Releases waiting tasks of the local lane while the target has places. 0 means that none waited;
  // else look into the released layer again: this call or one that it waited for put some there, or
  // the layer is full. Called by the pool's threads.
  size_t Refill(Priority priority);

  // Takes at most `max` tasks (they stay QUEUED) from the lanes of these handlers, most urgent
  // first but for the share that lower priorities are due (slot_order.h), in turns between lanes.
  std::vector<TaskRef> Claim(const std::vector<std::string>& handlers, size_t max);
  // `listener` is called with the handler after each task that a remote lane gets and that can be
  // claimed, and for each lane in which tasks wait whose queue is resumed: without a lock held, on
  // the thread that enqueues or resumes. REQUIRES: set once, before the first Enqueue.
  void SetLaneListener(LaneListener listener);
  // Whether a worker that serves the handler is connected: while none is, what waits in its lane
  // has the wait reason NO_WORKER. Not served at first.
  void SetLaneServed(absl::string_view handler, bool is_served);

  // For how long the oldest task of the local lane has waited that is at least as urgent as
  // `least`, those of paused queues left out; zero: none waits there. A lock for each priority in
  // which tasks wait.
  absl::Duration OldestLocalWait(Priority least) const;

  TaskQueuesStats Stats() const;

 private:
  absl::Status SetPaused(absl::string_view queue, bool is_paused, absl::string_view reason);

  class Core;
  const std::unique_ptr<Core> core_;
};

}  // namespace taskforge

#endif  // TASKFORGE_QUEUES_TASK_QUEUES_H_

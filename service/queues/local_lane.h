// The lane of what the pool runs: from here tasks are released to it, a few at a time.
#ifndef TASKFORGE_QUEUES_LOCAL_LANE_H_
#define TASKFORGE_QUEUES_LOCAL_LANE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "queues/fair_list.h"
#include "queues/queue_gates.h"
#include "queues/release_target.h"
#include "queues/task_queues.h"
#include "task/task.h"

namespace taskforge {

// Where nothing waits, a task goes straight through, without a lock. Else it waits, and leaves in
// its turn.
//
// No overtaking: `waiting` counts a task until it is released, not only until it leaves the list.
// So who enqueues goes straight through only when all that came before is with the target.
//
// Nothing is left behind. Who enqueues, or resumes a queue: raises `waiting`, then looks at
// Released(). Who takes work out: lowers Released(), then looks at `waiting`. All four are
// sequentially consistent, so at least one of them sees what the other did, and calls Refill.
//
// What waits in a paused queue is held: it is not in `waiting`, so nobody looks for it in vain, and
// other queues' tasks go straight through as if it were not there. The gate is the truth and the
// list's hold follows it: whoever changes a gate calls Sync() afterwards, and a list looks at the
// gate under its lock whenever it is touched. So of a change and a task that comes at the same
// moment, the later one at the lock sees the gate as it is, and counts the task by it. And a task
// goes straight through only if its gate is open, which it is after Sync() has counted what was
// held; it asks for the gate first and for `waiting` then, so it overtakes none of these.
//
// Thread-safe.
class LocalLane {
 public:
  // Both must outlive the lane.
  LocalLane(const QueueGates& gates, ReleaseTarget& target);

  // REQUIRES: Work::enqueued is set.
  void Enqueue(TaskRef task, TaskSink::Position position);
  // As StartGate::TakeBack.
  bool TakeBack(const TaskRef& task);
  // After the queue's gate was changed.
  void Sync(size_t queue);
  bool Remove(Task& task);
  bool HasMoreUrgent(const Task& task) const;
  // As TaskQueues::PlaceOf.
  TaskPlace PlaceOf(const Task& task, MonoTime now) const;
  // As TaskQueues::Refill.
  size_t Refill(Priority priority);
  std::vector<TaskRef> TakeAll();

  // As TaskQueues::OldestLocalWait.
  absl::Duration OldestWait(Priority least, MonoTime now) const;

  // Adds what waits to the counts of each queue, and moves ages up to what they are at `now`.
  void AddTo(std::vector<QueueStats>& queues, LaneStats& lane, MonoTime now) const;

 private:
  static constexpr size_t kBatch = 32;

  struct alignas(64) Level {  // A cache line each: priorities do not disturb each other.
    explicit Level(const QueueGates& gates) : list(gates) {}

    // How many tasks are ready in the list or on their way to the target. Changes under mu.
    std::atomic<size_t> waiting{0};
    // Held by the one thread that releases from this level. It is the one lock that is held over a
    // call, to TryRelease, which takes no lock: so order is kept, and a worker in a slot that is
    // due to this priority waits for the release in progress instead of finding nothing.
    Mutex release_mu ABSL_ACQUIRED_BEFORE(mu);
    mutable Mutex mu;
    FairList list ABSL_GUARDED_BY(mu);
    // How many are out of the list and not with the target yet.
    size_t releasing ABSL_GUARDED_BY(mu) = 0;
  };
  struct Batch {
    std::array<TaskRef, kBatch> tasks;
    size_t size = 0;
  };

  bool TryRelease(const TaskRef& task);
  // Sets `waiting` anew. At the end of whatever changes the list or `releasing`.
  static void Count(Level& level) ABSL_EXCLUSIVE_LOCKS_REQUIRED(level.mu);
  void RefillIfThereIsRoom(Priority priority);
  // Takes the next tasks to release, at most `room`. What was cancelled meanwhile goes to
  // `dropped`.
  Batch TakeBatch(Level& level, size_t room, std::vector<TaskRef>& dropped);
  // Puts back what was not released, in its order.
  void PutBack(Level& level, Batch& batch, size_t released, std::vector<TaskRef>& dropped);

  const QueueGates& gates_;
  ReleaseTarget& target_;
  std::array<Level, kPriorityCount> levels_;
};

}  // namespace taskforge

#endif  // TASKFORGE_QUEUES_LOCAL_LANE_H_

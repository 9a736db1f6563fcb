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
// Nothing is left behind. Who enqueues: adds to `waiting`, then looks at Released(). Who takes work
// out: lowers Released(), then looks at `waiting`. All four are sequentially consistent, so at
// least one of them sees what the other did, and calls Refill.
//
// Thread-safe.
class LocalLane {
 public:
  LocalLane(size_t queue_count, ReleaseTarget& target);

  // REQUIRES: Work::enqueued is set.
  void Enqueue(TaskRef task, TaskSink::Position position);
  bool Remove(Task& task);
  bool HasMoreUrgent(const Task& task) const;
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
    explicit Level(size_t queue_count) : list(queue_count) {}

    // Tasks in the list or on their way to the target. Changes under mu, except by Refill.
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
  // Takes the next tasks to release, at most `room`. What was cancelled meanwhile goes to
  // `dropped`.
  Batch TakeBatch(Level& level, size_t room, std::vector<TaskRef>& dropped);
  // Puts back what was not released, in its order.
  void PutBack(Level& level, Batch& batch, size_t released, std::vector<TaskRef>& dropped);

  ReleaseTarget& target_;
  std::array<Level, kPriorityCount> levels_;
};

}  // namespace taskforge

#endif  // TASKFORGE_QUEUES_LOCAL_LANE_H_

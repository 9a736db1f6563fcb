// Waiting tasks of one priority in one lane: a list for each queue, served in turns.
#ifndef TASKFORGE_QUEUES_FAIR_LIST_H_
#define TASKFORGE_QUEUES_FAIR_LIST_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "queues/queue_gates.h"
#include "queues/task_queues.h"
#include "task/priority.h"
#include "task/task.h"

namespace taskforge {

// First in, first out within a queue; queues that have tasks take turns, one task each, and one
// that gets its first task comes after all that have some. The tasks of a paused queue are held:
// they are here, but none is given out. What the gates say of a queue is looked up when a task of
// it is put here and by Sync(); whoever changes a gate calls that afterwards.
//
// Holds one reference to each task. Allocates only when a queue has a higher index than all before.
// Not thread-safe; guarded by its lane's lock, which guards Task::queue_previous, queue_next and
// in_queue of its tasks as well. `gates` must outlive it.
class FairList {
 public:
  explicit FairList(const QueueGates& gates) : gates_(gates) {}

  // All of them, and those that Pop() would give out.
  size_t size() const { return size_; }
  size_t ready() const { return ready_; }
  // Since when the task that has waited longest does, of those that are ready; Max(): none is.
  MonoTime OldestEnqueued() const;

  // An upper bound of the tasks that leave before one that is put there now, however many come to
  // the other queues that there are, later.
  size_t Ahead(size_t queue, TaskSink::Position position) const;

  // How far PlaceOf counts to either side: what a lock is held for, so that those who enqueue do
  // not wait longer.
  static constexpr size_t kMostCounted = 4096;
  // Sets what of `place` is of this list: is_in_queue and the three members below it.
  // REQUIRES: the task is in this list.
  void PlaceOf(const Task& task, TaskPlace& place) const;

  void Push(TaskRef task, TaskSink::Position position);
  // Puts a task back that Pop() gave, as if it had not: the last one first.
  void Return(TaskRef task);
  // Puts a task that had left before its queue was paused before all that came later.
  void PushEarly(TaskRef task);
  // The next in turn; null when none is ready.
  TaskRef Pop();
  // The reference that the list held. REQUIRES: the task is in this list.
  TaskRef Remove(Task& task);
  // Holds the tasks of the queue with this index from now on, or no more, as its gate says. Returns
  // whether any of them is ready now.
  bool Sync(size_t index);

  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const Queue& queue : queues_) {
      for (Task* task = queue.first; task != nullptr; task = task->queue_next) visit(*task);
    }
  }
  // Adds what waits of `priority` to the counts of each queue, by its index, and moves ages up to
  // what they are at `now`.
  void AddTo(std::vector<QueueStats>& queues, Priority priority, MonoTime now) const;
  // Takes everything out.
  std::vector<TaskRef> TakeAll();

 private:
  static constexpr uint16_t kNone = UINT16_MAX;
  static_assert(kMaxQueues < kNone);

  struct Queue {
    Task* first = nullptr;
    Task* last = nullptr;
    size_t size = 0;
    // Its neighbours in the ring; kNone: it is not there.
    uint16_t next = kNone;
    uint16_t previous = kNone;
    bool is_held = false;
  };

  Queue& QueueAt(size_t index);
  void Insert(Queue& queue, Task* before, TaskRef task);
  // Counts the queue's tasks as ready, or not, and puts it into the ring, before the one whose turn
  // it is, or takes it out, where that has changed.
  void Settle(size_t index, size_t size_before);
  void Join(uint16_t index);
  void Leave(uint16_t index);

  const QueueGates& gates_;
  std::vector<Queue> queues_;  // By index.
  size_t size_ = 0;
  size_t ready_ = 0;
  uint16_t turn_ = kNone;  // Of the queues that have ready tasks: the ring.
};

}  // namespace taskforge

#endif  // TASKFORGE_QUEUES_FAIR_LIST_H_

// Waiting tasks of one priority in one lane: a list for each queue, served in turns.
#ifndef TASKFORGE_QUEUES_FAIR_LIST_H_
#define TASKFORGE_QUEUES_FAIR_LIST_H_

#include <cstddef>
#include <vector>

#include "base/clock.h"
#include "queues/task_queues.h"
#include "task/priority.h"
#include "task/task.h"

namespace taskforge {

// First in, first out within a queue; queues that have tasks take turns, one task each. Holds one
// reference to each task; nothing allocates. Not thread-safe; guarded by its lane's lock, which
// guards Task::queue_previous, queue_next and in_queue of its tasks as well.
class FairList {
 public:
  explicit FairList(size_t queue_count) : queues_(queue_count) {}

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  size_t size(size_t queue) const { return queues_[queue].size; }
  // Since when the task that has waited longest does; Max(): none waits.
  MonoTime OldestEnqueued() const;

  // An upper bound of the tasks that leave before one that is put there now, however many come to
  // other queues later.
  size_t Ahead(size_t queue, TaskSink::Position position) const;

  void Push(TaskRef task, TaskSink::Position position);
  // The next in turn; null when empty.
  TaskRef Pop();
  // The reference that the list held. REQUIRES: the task is in this list.
  TaskRef Remove(Task& task);
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const Queue& queue : queues_) {
      for (Task* task = queue.first; task != nullptr; task = task->queue_next) visit(*task);
    }
  }
  // Adds what waits of `priority` to the counts of each queue, and moves ages up to `now`'s.
  void AddTo(std::vector<QueueStats>& queues, Priority priority, MonoTime now) const;
  // Takes everything out.
  std::vector<TaskRef> TakeAll();

 private:
  struct Queue {
    Task* first = nullptr;
    Task* last = nullptr;
    size_t size = 0;
  };

  std::vector<Queue> queues_;
  size_t size_ = 0;
  size_t turn_ = 0;  // The queue that is looked at first.
};

}  // namespace taskforge

#endif  // TASKFORGE_QUEUES_FAIR_LIST_H_

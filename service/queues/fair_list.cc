#include "queues/fair_list.h"

#include <algorithm>
#include <utility>

namespace taskforge {

size_t FairList::Ahead(size_t queue, TaskSink::Position position) const {
  const size_t own = position == TaskSink::Position::kFront ? 0 : queues_[queue].size;
  // Before each of the own ones and before the new one, every other queue may have one turn.
  return own + (queues_.size() - 1) * (own + 1);
}

MonoTime FairList::OldestEnqueued() const {
  MonoTime oldest = MonoTime::Max();
  for (const Queue& queue : queues_) {
    if (queue.first != nullptr) oldest = std::min(oldest, queue.first->enqueued);
  }
  return oldest;
}

void FairList::Push(TaskRef task, TaskSink::Position position) {
  Queue& queue = queues_[task->queue_index()];
  Task* const node = task.Leak();
  node->in_queue = true;
  if (position == TaskSink::Position::kFront) {
    node->queue_previous = nullptr;
    node->queue_next = queue.first;
    (queue.first == nullptr ? queue.last : queue.first->queue_previous) = node;
    queue.first = node;
  } else {
    node->queue_next = nullptr;
    node->queue_previous = queue.last;
    (queue.last == nullptr ? queue.first : queue.last->queue_next) = node;
    queue.last = node;
  }
  ++queue.size;
  ++size_;
}

TaskRef FairList::Pop() {
  if (size_ == 0) return nullptr;
  while (queues_[turn_].size == 0) turn_ = (turn_ + 1) % queues_.size();
  Task& task = *queues_[turn_].first;
  turn_ = (turn_ + 1) % queues_.size();
  return Remove(task);
}

TaskRef FairList::Remove(Task& task) {
  Queue& queue = queues_[task.queue_index()];
  (task.queue_previous == nullptr ? queue.first : task.queue_previous->queue_next) =
      task.queue_next;
  (task.queue_next == nullptr ? queue.last : task.queue_next->queue_previous) = task.queue_previous;
  task.queue_previous = nullptr;
  task.queue_next = nullptr;
  task.in_queue = false;
  --queue.size;
  --size_;
  return TaskRef::Adopt(&task);
}

void FairList::AddTo(std::vector<QueueStats>& queues, Priority priority, MonoTime now) const {
  for (size_t i = 0; i < queues.size(); ++i) {
    queues[i].waiting[priority] += queues_[i].size;
    if (queues_[i].first == nullptr) continue;
    absl::Duration& oldest_age = queues[i].oldest_age[priority];
    oldest_age = std::max(oldest_age, absl::Nanoseconds(now - queues_[i].first->enqueued));
  }
}

std::vector<TaskRef> FairList::TakeAll() {
  std::vector<TaskRef> tasks;
  tasks.reserve(size_);
  while (size_ != 0) tasks.push_back(Pop());
  return tasks;
}

}  // namespace taskforge

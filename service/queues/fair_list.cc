#include "queues/fair_list.h"

#include <algorithm>
#include <utility>

namespace taskforge {

size_t FairList::Ahead(size_t queue, TaskSink::Position position) const {
  const bool is_back = position == TaskSink::Position::kBack && queue < queues_.size();
  const size_t own = is_back ? queues_[queue].size : 0;
  // Before each of the own ones and before the new one, every other queue may have one turn.
  return own + (gates_.count() - 1) * (own + 1);
}

void FairList::PlaceOf(const Task& task, TaskPlace& place) const {
  place.is_in_queue = true;
  const auto index = static_cast<uint16_t>(task.queue_index());
  const Queue& queue = queues_[index];
  // Both ways at once, so that a walk ends at the nearer end.
  const Task* before = task.queue_previous;
  const Task* behind = task.queue_next;
  size_t steps = 0;
  while (before != nullptr && behind != nullptr && steps < kMostCounted) {
    before = before->queue_previous;
    behind = behind->queue_next;
    ++steps;
  }
  // Behind it are at least as many as steps were made.
  place.in_queue = before == nullptr ? steps : queue.size - 1 - steps;
  place.is_in_queue_exact = before == nullptr || behind == nullptr;
  if (queue.is_held || turn_ == kNone) return;
  bool is_before_own = true;  // Of those, one turn more comes before its own.
  uint16_t other = turn_;
  do {
    if (other == index) {
      is_before_own = false;
    } else {
      const size_t turns = place.in_queue + (is_before_own ? 1 : 0);
      place.in_other_queues += std::min(queues_[other].size, turns);
    }
    other = queues_[other].next;
  } while (other != turn_);
}

MonoTime FairList::OldestEnqueued() const {
  MonoTime oldest = MonoTime::Max();
  if (turn_ == kNone) return oldest;
  uint16_t index = turn_;
  do {
    oldest = std::min(oldest, queues_[index].first->enqueued);
    index = queues_[index].next;
  } while (index != turn_);
  return oldest;
}

void FairList::Push(TaskRef task, TaskSink::Position position) {
  const size_t index = task->queue_index();
  Queue& queue = QueueAt(index);
  const bool is_front = position == TaskSink::Position::kFront;
  Insert(queue, is_front ? queue.first : nullptr, std::move(task));
}

void FairList::Return(TaskRef task) {
  const auto index = static_cast<uint16_t>(task->queue_index());
  Queue& queue = QueueAt(index);
  Insert(queue, queue.first, std::move(task));
  if (!queue.is_held) turn_ = index;
}

void FairList::PushEarly(TaskRef task) {
  Queue& queue = QueueAt(task->queue_index());
  Task* before = queue.first;
  // Only what was put back like this stands before it, so the walk is as short as the layer that it
  // comes from is shallow.
  while (before != nullptr && before->enqueued < task->enqueued) before = before->queue_next;
  Insert(queue, before, std::move(task));
}

TaskRef FairList::Pop() {
  while (turn_ != kNone && gates_.IsPaused(turn_)) Sync(turn_);  // Just paused.
  if (turn_ == kNone) return nullptr;
  Task& task = *queues_[turn_].first;
  turn_ = queues_[turn_].next;
  return Remove(task);
}

TaskRef FairList::Remove(Task& task) {
  const size_t index = task.queue_index();
  Queue& queue = queues_[index];
  (task.queue_previous == nullptr ? queue.first : task.queue_previous->queue_next) =
      task.queue_next;
  (task.queue_next == nullptr ? queue.last : task.queue_next->queue_previous) = task.queue_previous;
  task.queue_previous = nullptr;
  task.queue_next = nullptr;
  task.in_queue = false;
  const size_t before = queue.size--;
  --size_;
  Settle(index, before);
  return TaskRef::Adopt(&task);
}

bool FairList::Sync(size_t index) {
  // Of an unknown one there is nothing, and its first task looks for itself.
  if (index >= queues_.size()) return false;
  const Queue& queue = queues_[index];
  Settle(index, queue.size);
  return queue.size > 0 && !queue.is_held;
}

FairList::Queue& FairList::QueueAt(size_t index) {
  if (index >= queues_.size()) queues_.resize(index + 1);
  return queues_[index];
}

void FairList::Insert(Queue& queue, Task* before, TaskRef task) {
  Task* const node = task.Leak();
  Task* const previous = before == nullptr ? queue.last : before->queue_previous;
  node->in_queue = true;
  node->queue_next = before;
  node->queue_previous = previous;
  (previous == nullptr ? queue.first : previous->queue_next) = node;
  (before == nullptr ? queue.last : before->queue_previous) = node;
  const size_t size_before = queue.size++;
  ++size_;
  Settle(node->queue_index(), size_before);
}

void FairList::Settle(size_t index, size_t size_before) {
  Queue& queue = queues_[index];
  const size_t ready_before = queue.is_held ? 0 : size_before;
  queue.is_held = gates_.IsPaused(index);
  const size_t ready = queue.is_held ? 0 : queue.size;
  ready_ += ready - ready_before;  // Modulo 2^64, where it becomes less.
  if (ready_before == 0 && ready > 0) Join(static_cast<uint16_t>(index));
  if (ready_before > 0 && ready == 0) Leave(static_cast<uint16_t>(index));
}

void FairList::Join(uint16_t index) {
  Queue& queue = queues_[index];
  if (turn_ == kNone) {
    queue.next = queue.previous = turn_ = index;
    return;
  }
  queue.next = turn_;
  queue.previous = queues_[turn_].previous;
  queues_[queue.previous].next = index;
  queues_[turn_].previous = index;
}

void FairList::Leave(uint16_t index) {
  Queue& queue = queues_[index];
  queues_[queue.previous].next = queue.next;
  queues_[queue.next].previous = queue.previous;
  if (turn_ == index) turn_ = queue.next == index ? kNone : queue.next;
  queue.next = queue.previous = kNone;
}

void FairList::AddTo(std::vector<QueueStats>& queues, Priority priority, MonoTime now) const {
  for (size_t i = 0; i < std::min(queues.size(), queues_.size()); ++i) {
    queues[i].waiting[priority] += queues_[i].size;
    if (queues_[i].first == nullptr) continue;
    absl::Duration& oldest_age = queues[i].oldest_age[priority];
    oldest_age = std::max(oldest_age, absl::Nanoseconds(now - queues_[i].first->enqueued));
  }
}

std::vector<TaskRef> FairList::TakeAll() {
  std::vector<TaskRef> tasks;
  tasks.reserve(size_);
  while (TaskRef task = Pop()) tasks.push_back(std::move(task));
  for (const Queue& queue : queues_) {
    while (queue.first != nullptr) tasks.push_back(Remove(*queue.first));
  }
  return tasks;
}

}  // namespace taskforge

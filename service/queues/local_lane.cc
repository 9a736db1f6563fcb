#include "queues/local_lane.h"

#include <algorithm>
#include <utility>

namespace taskforge {

LocalLane::LocalLane(const QueueGates& gates, ReleaseTarget& target)
    : gates_(gates),
      target_(target),
      levels_{Level(gates), Level(gates), Level(gates), Level(gates)} {}

void LocalLane::Count(Level& level) { level.waiting.store(level.list.ready() + level.releasing); }

void LocalLane::Enqueue(TaskRef task, TaskSink::Position position) {
  const Priority priority = task->spec().priority;
  Level& level = levels_[Index(priority)];
  task->enqueued_dispatch.store(Task::kUnknownDispatch, std::memory_order_relaxed);
  if (gates_.IsOpen(task->queue_index()) && level.waiting.load() == 0) {
    task->ahead = static_cast<uint32_t>(target_.Released(priority));
    if (TryRelease(task)) return;
  }
  {
    MutexLock lock(level.mu);
    // Under the lock: a cancel either comes before and is seen, or finds the task in the list.
    if (task->phase() != TaskPhase::kQueued) return;
    task->ahead = static_cast<uint32_t>(level.list.Ahead(task->queue_index(), position) +
                                        level.releasing + target_.Released(priority));
    level.list.Push(task, position);
    Count(level);
  }
  task->enqueued_dispatch.store(target_.DispatchCount(task->priority), std::memory_order_relaxed);
  RefillIfThereIsRoom(priority);
}

void LocalLane::RefillIfThereIsRoom(Priority priority) {
  if (target_.Released(priority) < target_.ReleaseLimit()) Refill(priority);
}

bool LocalLane::TakeBack(const TaskRef& task) {
  Level& level = levels_[Index(task->spec().priority)];
  MutexLock lock(level.mu);
  // Under the lock: whoever opens the gate comes to this list afterwards, and finds the task.
  const bool is_held = gates_.IsPaused(task->queue_index()) && task->phase() == TaskPhase::kQueued;
  if (!is_held) return false;
  level.list.PushEarly(task);
  Count(level);
  return true;
}

void LocalLane::Sync(size_t queue) {
  for (const Priority priority : kPriorities) {
    Level& level = levels_[Index(priority)];
    {
      MutexLock lock(level.mu);
      level.list.Sync(queue);
      Count(level);
    }
    RefillIfThereIsRoom(priority);
  }
}

bool LocalLane::TryRelease(const TaskRef& task) {
  task->AddRef();  // The one that travels.
  if (!target_.TryRelease(*task)) {
    task->Release();
    return false;
  }
  // After it was published, when it may be running already: hence the reference that is kept here.
  task->enqueued_dispatch.store(target_.DispatchCount(task->priority), std::memory_order_relaxed);
  return true;
}

bool LocalLane::Remove(Task& task) {
  Level& level = levels_[Index(task.spec().priority)];
  TaskRef removed;  // Let go without the lock.
  MutexLock lock(level.mu);
  if (!task.in_queue) return false;
  removed = level.list.Remove(task);
  Count(level);
  return true;
}

bool LocalLane::HasMoreUrgent(const Task& task) const {
  for (size_t i = Index(task.spec().priority) + 1; i < kPriorityCount; ++i) {
    if (levels_[i].waiting.load() > 0 || target_.Released(kPriorities[i]) > 0) return true;
  }
  return false;
}

TaskPlace LocalLane::PlaceOf(const Task& task, MonoTime now) const {
  TaskPlace place;
  const Priority priority = task.spec().priority;
  {
    const Level& level = levels_[Index(priority)];
    MutexLock lock(level.mu);
    if (task.in_queue) {
      level.list.PlaceOf(task, place);
      place.released = level.releasing;
      place.waited = absl::Nanoseconds(now - task.enqueued);
    }
  }
  const size_t released = target_.Released(priority);
  // Of what the pool has, all may be before it, but not it itself.
  place.released += place.is_in_queue || released == 0 ? released : released - 1;
  for (size_t i = Index(priority) + 1; i < kPriorityCount; ++i) {
    place.more_urgent += levels_[i].waiting.load() + target_.Released(kPriorities[i]);
  }
  const uint64_t since = task.enqueued_dispatch.load(std::memory_order_relaxed);
  const uint64_t count = target_.DispatchCount(priority);
  if (place.is_in_queue && since < count) place.starts = count - since;
  return place;
}

size_t LocalLane::Refill(Priority priority) {
  Level& level = levels_[Index(priority)];
  if (level.waiting.load() == 0) return 0;
  std::vector<TaskRef> dropped;  // Let go without a lock.
  MutexLock turn(level.release_mu);
  size_t total = 0;
  for (;;) {
    const size_t released = target_.Released(priority);
    const size_t limit = target_.ReleaseLimit();
    if (released >= limit) return std::max<size_t>(total, 1);
    Batch batch = TakeBatch(level, limit - released, dropped);
    // Nothing is left; that `waiting` was not zero says that another thread has released it.
    if (batch.size == 0) return std::max<size_t>(total, 1);
    size_t done = 0;
    while (done < batch.size && target_.TryRelease(*batch.tasks[done])) {
      (void)batch.tasks[done].Leak();  // The reference travels.
      ++done;
    }
    total += done;
    const bool is_refused = done < batch.size;
    PutBack(level, batch, done, dropped);
    if (is_refused) return std::max<size_t>(total, 1);
  }
}

LocalLane::Batch LocalLane::TakeBatch(Level& level, size_t room, std::vector<TaskRef>& dropped) {
  Batch batch;
  MutexLock lock(level.mu);
  while (batch.size < std::min(room, kBatch)) {
    TaskRef task = level.list.Pop();
    if (!task) break;
    if (task->phase() == TaskPhase::kQueued) {
      batch.tasks[batch.size++] = std::move(task);
    } else {
      dropped.push_back(std::move(task));
    }
  }
  level.releasing = batch.size;
  Count(level);
  return batch;
}

void LocalLane::PutBack(Level& level, Batch& batch, size_t released,
                        std::vector<TaskRef>& dropped) {
  MutexLock lock(level.mu);
  for (size_t i = batch.size; i > released; --i) {
    TaskRef& task = batch.tasks[i - 1];
    if (task->phase() == TaskPhase::kQueued) {
      level.list.Return(std::move(task));
    } else {
      dropped.push_back(std::move(task));
    }
  }
  level.releasing = 0;
  Count(level);
}

std::vector<TaskRef> LocalLane::TakeAll() {
  std::vector<TaskRef> tasks;
  for (Level& level : levels_) {
    MutexLock lock(level.mu);
    for (TaskRef& task : level.list.TakeAll()) tasks.push_back(std::move(task));
    Count(level);
  }
  return tasks;
}

absl::Duration LocalLane::OldestWait(Priority least, MonoTime now) const {
  MonoTime oldest = now;
  for (size_t i = Index(least); i < kPriorityCount; ++i) {
    const Level& level = levels_[i];
    if (level.waiting.load(std::memory_order_relaxed) == 0) continue;
    MutexLock lock(level.mu);
    oldest = std::min(oldest, level.list.OldestEnqueued());
  }
  return absl::Nanoseconds(now - oldest);
}

void LocalLane::AddTo(std::vector<QueueStats>& queues, LaneStats& lane, MonoTime now) const {
  for (Priority priority : kPriorities) {
    const Level& level = levels_[Index(priority)];
    MutexLock lock(level.mu);
    lane.waiting[priority] += level.list.size() + level.releasing;
    lane.held[priority] += level.list.size() - level.list.ready();
    level.list.AddTo(queues, priority, now);
  }
}

}  // namespace taskforge

#include "task/live_tasks.h"

#include <utility>
#include <vector>

namespace taskforge {
namespace {

// A table that has shrunk to an eighth gives its memory back.
constexpr size_t kShrinkFactor = 8;
constexpr size_t kLeastCapacityToShrink = 1024;

}  // namespace

bool LiveTasks::Equal::operator()(const TaskRef& a, const Task& b) const {
  if (a.get() == &b) return true;
  return a->name_hash() == b.name_hash() &&
         TaskNameText(*a->accepted_record()).view() == TaskNameText(*b.accepted_record()).view();
}

bool LiveTasks::Equal::operator()(const TaskRef& task, const HashedKey& name) const {
  return task->name_hash() == name.Half() &&
         TaskNameText(*task->accepted_record()).view() == name.text;
}

bool LiveTasks::Insert(TaskRef task) {
  Shard& shard = shards_[ShardOf(task->name_hash())];
  MutexLock lock(shard.mu);
  return shard.tasks.insert(std::move(task)).second;
}

void LiveTasks::Erase(const Task& task) {
  Shard& shard = shards_[ShardOf(task.name_hash())];
  TaskRef erased;  // Let go without the lock.
  MutexLock lock(shard.mu);
  const auto it = shard.tasks.find(task);
  if (it == shard.tasks.end() || it->get() != &task) return;
  erased = std::move(shard.tasks.extract(it).value());
  const size_t capacity = shard.tasks.capacity();
  if (capacity >= kLeastCapacityToShrink && shard.tasks.size() < capacity / kShrinkFactor) {
    shard.tasks.rehash(2 * shard.tasks.size());
  }
}

TaskRef LiveTasks::Find(absl::string_view name) const {
  const HashedKey key(name);
  const Shard& shard = shards_[ShardOf(key.Half())];
  MutexLock lock(shard.mu);
  const auto it = shard.tasks.find(key);
  if (it == shard.tasks.end() || (*it)->phase() == TaskPhase::kAccepting) return nullptr;
  return *it;
}

TaskRef LiveTasks::FindKept(absl::string_view name, const Uuid& uid) const {
  const HashedKey key(name);
  const Shard& shard = shards_[ShardOf(key.Half())];
  MutexLock lock(shard.mu);
  const auto it = shard.tasks.find(key);
  if (it == shard.tasks.end() || (*it)->accepted_record()->uid != uid) return nullptr;
  return *it;
}

std::vector<TaskRef> LiveTasks::WaitingIn(absl::string_view queue) const {
  std::vector<TaskRef> waiting;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mu);
    for (const TaskRef& task : shard.tasks) {
      const bool waits = task->phase() == TaskPhase::kQueued && task->spec().queue == queue;
      if (waits) waiting.push_back(task);
    }
  }
  return waiting;
}

size_t LiveTasks::size() const {
  size_t size = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mu);
    size += shard.tasks.size();
  }
  return size;
}

TaskCounts LiveTasks::Counts() const {
  TaskCounts counts;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mu);
    for (const TaskRef& task : shard.tasks) {
      const bool is_in_memory =
          task->accepted_record()->effective_durability == Durability::kMemory;
      if (is_in_memory) ++counts.in_memory;
      switch (task->phase()) {
        case TaskPhase::kAccepting:
        case TaskPhase::kQueued:
        case TaskPhase::kCancelling:
          ++counts.waiting;
          if (is_in_memory) ++counts.waiting_in_memory;
          break;
        default:
          ++counts.running;
      }
    }
  }
  return counts;
}

void LiveTasks::StopRunning(StopReason reason) const {
  std::vector<Ref<RunningAttempt>> running;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mu);
    for (const TaskRef& task : shard.tasks) {
      if (Ref<RunningAttempt> attempt = task->running()) running.push_back(std::move(attempt));
    }
  }
  // Without a lock: handlers are called.
  for (const Ref<RunningAttempt>& attempt : running) attempt->RequestStop(reason);
}

}  // namespace taskforge

#include "task/live_tasks.h"

#include <utility>
#include <vector>

namespace taskforge {
namespace {

// A table that has shrunk to an eighth gives its memory back.
constexpr size_t kShrinkFactor = 8;
constexpr size_t kLeastCapacityToShrink = 1024;

}  // namespace

bool LiveTasks::Insert(TaskRef task) {
  const HashedKey key = task->key();
  Shard& shard = ShardOf(key);
  MutexLock lock(shard.mu);
  return shard.tasks.try_emplace(key, std::move(task)).second;
}

void LiveTasks::Erase(const Task& task) {
  Shard& shard = ShardOf(task.key());
  TaskRef erased;  // Let go without the lock.
  MutexLock lock(shard.mu);
  const auto it = shard.tasks.find(task.key());
  if (it == shard.tasks.end() || it->second.get() != &task) return;
  erased = std::move(it->second);
  shard.tasks.erase(it);
  const size_t capacity = shard.tasks.capacity();
  if (capacity >= kLeastCapacityToShrink && shard.tasks.size() < capacity / kShrinkFactor) {
    shard.tasks.rehash(2 * shard.tasks.size());
  }
}

TaskRef LiveTasks::Find(absl::string_view name) const {
  const HashedKey key(name);
  const Shard& shard = ShardOf(key);
  MutexLock lock(shard.mu);
  const auto it = shard.tasks.find(key);
  if (it == shard.tasks.end() || it->second->phase() == TaskPhase::kAccepting) return nullptr;
  return it->second;
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
    for (const auto& [name, task] : shard.tasks) {
      switch (task->phase()) {
        case TaskPhase::kAccepting:
        case TaskPhase::kQueued:
        case TaskPhase::kCancelling:
          ++counts.waiting;
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
    for (const auto& [name, task] : shard.tasks) {
      if (Ref<RunningAttempt> attempt = task->running()) running.push_back(std::move(attempt));
    }
  }
  // Without a lock: handlers are called.
  for (const Ref<RunningAttempt>& attempt : running) attempt->RequestStop(reason);
}

}  // namespace taskforge

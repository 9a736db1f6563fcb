#include "task/live_tasks.h"

#include <utility>
#include <vector>

#include "absl/hash/hash.h"

namespace taskforge {
namespace {

// A table that has shrunk to an eighth gives its memory back.
constexpr size_t kShrinkFactor = 8;
constexpr size_t kLeastCapacityToShrink = 1024;

size_t ShardIndex(absl::string_view name, size_t shards) {
  return absl::Hash<absl::string_view>()(name) % shards;
}

}  // namespace

const LiveTasks::Shard& LiveTasks::ShardOf(absl::string_view name) const {
  return shards_[ShardIndex(name, kShards)];
}
LiveTasks::Shard& LiveTasks::ShardOf(absl::string_view name) {
  return shards_[ShardIndex(name, kShards)];
}

bool LiveTasks::Insert(TaskRef task) {
  const absl::string_view name = task->name();
  Shard& shard = ShardOf(name);
  MutexLock lock(shard.mu);
  return shard.tasks.try_emplace(name, std::move(task)).second;
}

void LiveTasks::Erase(const Task& task) {
  Shard& shard = ShardOf(task.name());
  TaskRef erased;  // Let go without the lock.
  MutexLock lock(shard.mu);
  const auto it = shard.tasks.find(task.name());
  if (it == shard.tasks.end() || it->second.get() != &task) return;
  erased = std::move(it->second);
  shard.tasks.erase(it);
  const size_t capacity = shard.tasks.capacity();
  if (capacity >= kLeastCapacityToShrink && shard.tasks.size() < capacity / kShrinkFactor) {
    shard.tasks.rehash(2 * shard.tasks.size());
  }
}

TaskRef LiveTasks::Find(absl::string_view name) const {
  const Shard& shard = ShardOf(name);
  MutexLock lock(shard.mu);
  const auto it = shard.tasks.find(name);
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

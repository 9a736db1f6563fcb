// The tasks that live: from their acceptance until their end is recorded, by name.
#ifndef TASKFORGE_TASK_LIVE_TASKS_H_
#define TASKFORGE_TASK_LIVE_TASKS_H_

#include <array>
#include <cstddef>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "base/hashed_key.h"
#include "base/mutex.h"
#include "task/task.h"

namespace taskforge {

struct TaskCounts {
  size_t waiting = 0;  // For their turn, a time or a worker; or being accepted.
  size_t running = 0;  // Started, and the end is not recorded yet.
};

// intake inserts, lifecycle erases when the end is recorded (in the store first, so that a reader
// who finds nothing here finds it there). Gives memory back as it empties. Thread-safe.
class LiveTasks {
 public:
  // False if a living task (or one that is being accepted) has the name.
  bool Insert(TaskRef task);
  // Erases the task if it is the one under its name.
  void Erase(const Task& task);
  // Null when there is none. A task in phase ACCEPTING is not shown: it may yet be refused.
  TaskRef Find(absl::string_view name) const;

  size_t size() const;
  // Looks at every task: for a drain, not for each scrape.
  TaskCounts Counts() const;
  // Asks every attempt that runs now to stop, for this reason.
  void StopRunning(StopReason reason) const;

 private:
  static constexpr size_t kShards = 16;
  struct alignas(64) Shard {  // A cache line each, so that their locks do not disturb each other.
    mutable Mutex mu;
    // Keys point into the tasks.
    absl::flat_hash_map<HashedKey, TaskRef, HashedKey::Hash> tasks ABSL_GUARDED_BY(mu);
  };

  const Shard& ShardOf(const HashedKey& key) const { return shards_[key.ShardOf(kShards)]; }
  Shard& ShardOf(const HashedKey& key) { return shards_[key.ShardOf(kShards)]; }

  std::array<Shard, kShards> shards_;
};

}  // namespace taskforge

#endif  // TASKFORGE_TASK_LIVE_TASKS_H_

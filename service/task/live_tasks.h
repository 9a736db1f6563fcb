// The tasks that live: from their acceptance until their end is recorded, by name.
#ifndef TASKFORGE_TASK_LIVE_TASKS_H_
#define TASKFORGE_TASK_LIVE_TASKS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "base/hashed_key.h"
#include "base/mutex.h"
#include "task/task.h"

namespace taskforge {

struct TaskCounts {
  size_t waiting = 0;  // For their turn, a time or a worker; or being accepted.
  size_t running = 0;  // Started, and the end is not recorded yet.
  // Of both, those of durability MEMORY; and of these the ones that wait.
  size_t in_memory = 0;
  size_t waiting_in_memory = 0;
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
  // Null when it is not the one of this name. Also in phase ACCEPTING: for who knows from the store
  // that it is kept, so that it will not be refused.
  TaskRef FindKept(absl::string_view name, const Uuid& uid) const;

  // Those of a queue whose phase is QUEUED. Looks at every task.
  std::vector<TaskRef> WaitingIn(absl::string_view queue) const;

  size_t size() const;
  // Looks at every task: for a drain, not for each scrape.
  TaskCounts Counts() const;
  // Asks every attempt that runs now to stop, for this reason.
  void StopRunning(StopReason reason) const;

 private:
  static constexpr size_t kShards = 16;
  // A task is in the table as one word: hash and name are its own. Tables are asked for tasks and
  // for names.
  struct Hash {
    using is_transparent = void;
    size_t operator()(const TaskRef& task) const { return task->name_hash(); }
    size_t operator()(const Task& task) const { return task.name_hash(); }
    size_t operator()(const HashedKey& name) const { return name.Half(); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const TaskRef& a, const TaskRef& b) const { return (*this)(a, *b); }
    bool operator()(const TaskRef& a, const Task& b) const;
    bool operator()(const TaskRef& task, const HashedKey& name) const;
  };
  struct alignas(64) Shard {  // A cache line each, so that their locks do not disturb each other.
    mutable Mutex mu;
    absl::flat_hash_set<TaskRef, Hash, Equal> tasks ABSL_GUARDED_BY(mu);
  };

  // By the bits that the tables within use least.
  static size_t ShardOf(uint32_t name_hash) { return (name_hash >> 28U) % kShards; }

  std::array<Shard, kShards> shards_;
};

}  // namespace taskforge

#endif  // TASKFORGE_TASK_LIVE_TASKS_H_

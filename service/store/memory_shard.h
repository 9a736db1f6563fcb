// One part of the memory store: the records whose keys (TaskKey) hash to it.
#ifndef TASKFORGE_STORE_MEMORY_SHARD_H_
#define TASKFORGE_STORE_MEMORY_SHARD_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/hashed_key.h"
#include "store/task_store.h"
#include "task/task_types.h"

namespace taskforge {

// Statuses are those of TaskStore. Not thread-safe; guarded by the store's lock for the shard.
class MemoryShard {
 public:
  // What an operation let go: to be destroyed without the lock.
  using Garbage = absl::InlinedVector<TaskRecordPtr, 4>;
  struct Listed {
    uint64_t sequence;
    TaskRecordPtr record;
  };

  MemoryShard(size_t max_records, size_t max_bytes)
      : max_records_(max_records), max_bytes_(max_bytes) {}

  // REQUIRES: `sequence` is greater than all before in this shard.
  // `hash` is that of the key (HashedKey).
  absl::Status Append(std::string key, size_t hash, TaskRecordPtr record, uint64_t sequence);
  // The record goes at `expires`; MonoTime::Max(): never by time. `now` tells how exact its sweep
  // must be. Returns when the sweep that takes it is due.
  absl::StatusOr<MonoTime> Complete(const HashedKey& key, TaskRecordPtr record, MonoTime now,
                                    MonoTime expires, Garbage& garbage);
  absl::StatusOr<TaskRecordPtr> Read(const HashedKey& key, MonoTime now) const;
  absl::Status Delete(const HashedKey& key, MonoTime now, Garbage& garbage);
  // Adds at most `limit` records that match, newest first, of those before `sequence`.
  void List(const TaskFilter& filter, uint64_t before_sequence, size_t limit, MonoTime now,
            std::vector<Listed>& listed) const;

  // Takes out at most `limit` records whose sweep is due. Returns how many.
  size_t Sweep(MonoTime now, size_t limit, Garbage& garbage);
  // When the next sweep is due; MonoTime::Max(): none is.
  MonoTime NextSweep() const;

  // Adds what it has done and holds.
  void AddTo(TaskStoreStats& stats) const;

 private:
  struct Entry;
  // An intrusive list through one pair of an entry's links.
  struct Links {
    Entry* previous = nullptr;
    Entry* next = nullptr;
  };
  struct Entry {
    HashedKey hashed() const { return {key, hash}; }

    std::string key;
    size_t hash = 0;
    TaskRecordPtr record;
    uint64_t place = 0;  // Its index in the order, with order_base_ added.
    bool is_finished = false;
    size_t bytes = 0;  // While finished.
    MonoTime expires = MonoTime::Max();
    MonoTime sweep = MonoTime::Max();  // The bucket that it is in; Max: none.
    Links by_end;
    Links by_sweep;
  };
  struct Chain {
    Entry* first = nullptr;
    Entry* last = nullptr;
  };
  // A place in the order of acceptance; null where a record has gone.
  struct Place {
    uint64_t sequence;
    Entry* entry;
  };
  using Table = absl::flat_hash_map<HashedKey, std::unique_ptr<Entry>, HashedKey::Hash>;

  template <Links Entry::*kLinks>
  static void Link(Chain& chain, Entry& entry);
  template <Links Entry::*kLinks>
  static void Unlink(Chain& chain, Entry& entry);

  bool HasExpired(const Entry& entry, MonoTime now) const { return entry.expires <= now; }
  // Takes a finished record out of everything.
  void Take(Entry& entry, Garbage& garbage);
  void EnforceCaps(Garbage& garbage);
  void EvictOldestOutput(Garbage& garbage);
  void TakeFromOrder(const Entry& entry);
  void ShrinkTable();

  const size_t max_records_;
  const size_t max_bytes_;
  Table by_key_;  // Keys point into the entries.
  std::deque<Place> order_;
  uint64_t order_base_ = 0;
  size_t holes_ = 0;
  Chain by_end_;                    // Finished records, the oldest first.
  Entry* next_to_evict_ = nullptr;  // The oldest in by_end_ whose output may be there still.
  std::map<MonoTime, Chain> by_sweep_;
  TaskStoreStats stats_;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_MEMORY_SHARD_H_

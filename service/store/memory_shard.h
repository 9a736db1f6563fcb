// One part of the memory store: the records whose names hash to it.
#ifndef TASKFORGE_STORE_MEMORY_SHARD_H_
#define TASKFORGE_STORE_MEMORY_SHARD_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_set.h"
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
  // What a record is known by.
  struct Key {
    absl::string_view ns;
    HashedKey name;
  };

  MemoryShard(size_t max_records, size_t max_bytes)
      : max_records_(max_records), max_bytes_(max_bytes) {}
  MemoryShard(const MemoryShard&) = delete;
  MemoryShard& operator=(const MemoryShard&) = delete;

  // REQUIRES: `key` is the record's; `sequence` is greater than all before in this shard.
  absl::Status Append(const Key& key, TaskRecordPtr record, uint64_t sequence);
  // The record goes at `expires`; MonoTime::Max(): never by time. `now` tells how exact its sweep
  // must be. Returns when the sweep that takes it is due.
  absl::StatusOr<MonoTime> Complete(const Key& key, TaskRecordPtr record, MonoTime now,
                                    MonoTime expires, Garbage& garbage);
  absl::StatusOr<TaskRecordPtr> Read(const Key& key, MonoTime now) const;
  absl::Status Delete(const Key& key, MonoTime now, Garbage& garbage);
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
  // What the table holds of a record, in one word: the hash's lower half, so that a table that
  // grows looks at nothing else, and the lower half of the entry's place in the order.
  struct Slot {
    uint32_t hash;
    uint32_t place;
    bool operator==(const Slot&) const = default;
  };
  struct SlotHash {
    using is_transparent = void;
    size_t operator()(const Slot& slot) const { return slot.hash; }
    size_t operator()(const Key& key) const { return static_cast<uint32_t>(key.name.hash); }
  };
  struct SlotEqual {
    using is_transparent = void;
    bool operator()(const Slot& a, const Slot& b) const { return a == b; }
    bool operator()(const Slot& slot, const Key& key) const;
    const MemoryShard* shard;
  };
  using Table = absl::flat_hash_set<Slot, SlotHash, SlotEqual>;

  struct Ended;
  // An intrusive list through one pair of links.
  struct Links {
    Ended* previous = nullptr;
    Ended* next = nullptr;
  };
  // What a record has only when it is finished.
  struct Ended {
    Slot slot{};
    size_t bytes = 0;
    MonoTime expires = MonoTime::Max();
    MonoTime sweep = MonoTime::Max();  // The bucket that it is in; Max: none.
    Links by_end;
    Links by_sweep;
  };
  // A record in the order of acceptance; without one where it has gone.
  struct Entry {
    uint64_t sequence = 0;
    TaskRecordPtr record;
    std::unique_ptr<Ended> ended;  // Null while its task lives.
  };
  struct Chain {
    Ended* first = nullptr;
    Ended* last = nullptr;
  };

  template <Links Ended::*kLinks>
  static void Link(Chain& chain, Ended& ended);
  template <Links Ended::*kLinks>
  static void Unlink(Chain& chain, Ended& ended);

  const Entry& EntryAt(const Slot& slot) const { return order_[slot.place - order_base_]; }
  Entry& EntryAt(const Slot& slot) { return order_[slot.place - order_base_]; }
  static bool HasExpired(const Entry& entry, MonoTime now) {
    return entry.ended != nullptr && entry.ended->expires <= now;
  }
  // Takes a finished record out of everything.
  void Take(Ended& ended, Garbage& garbage);
  void EnforceCaps(Garbage& garbage);
  void EvictOldestOutput(Garbage& garbage);
  // Lets holes in the order go, if that is worth it.
  void CompactOrder();
  void ShrinkTable();

  const size_t max_records_;
  const size_t max_bytes_;
  Table by_key_{0, SlotHash(), SlotEqual{this}};
  std::deque<Entry> order_;
  uint32_t order_base_ = 0;  // The place of the first; wraps around.
  size_t holes_ = 0;
  Chain by_end_;                    // Finished records, the oldest first.
  Ended* next_to_evict_ = nullptr;  // The oldest in by_end_ whose output may be there still.
  std::map<MonoTime, Chain> by_sweep_;
  TaskStoreStats stats_;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_MEMORY_SHARD_H_

// A bounded map from keys to values that many threads read at once, and that forgets what was not
// asked for.
//
// Sharded by hash, each shard with a readers-writer lock; eviction is CLOCK (F. Corbató, 1968), so
// that a hit sets one bit under the readers' lock, where LRU would have to move a list node under
// the writers'. A hit writes no line that other threads write, but for the count of who shares the
// value. Why not oneTBB's concurrent_lru_cache, the one packaged cache that threads may share: it
// is a preview, carries out one call at a time, makes every value by one function, and knows no
// age.
#ifndef TASKFORGE_SYNC_CONCURRENT_CACHE_H_
#define TASKFORGE_SYNC_CONCURRENT_CACHE_H_

#include <algorithm>
#include <any>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/sharded_counter.h"
#include "sync/rw_lock.h"

namespace taskforge {

struct CacheOptions {
  // Entries at most, over all shards; at least 1. More hit more often and cost memory.
  size_t capacity = 1024;
  // Parts with a lock of 1 KiB each. More contend less and forget less exactly. At most `capacity`
  // are made.
  size_t shards = 8;
  // An entry is not found from this long after its Put() on. Infinite: never too old.
  absl::Duration ttl = absl::InfiniteDuration();
};

struct CacheStats {
  uint64_t hits = 0;
  uint64_t misses = 0;     // Not there, or too old.
  uint64_t evictions = 0;  // Forgotten because a shard was full.
  size_t size = 0;         // Entries held, those that are too old among them.
};

// `Key` needs absl::Hash and ==, which runs under a shard's lock. Values are copied, moved and
// destroyed outside. An empty cache takes some 17 KiB: its locks and its counters. Thread-safe.
template <typename Key, typename Value>
class ConcurrentCache {
 public:
  // `clock` must outlive the cache.
  ConcurrentCache(const CacheOptions& options, const Clock& clock)
      : ttl_(options.ttl), clock_(clock) {
    const size_t capacity = std::max<size_t>(options.capacity, 1);
    const size_t count = std::clamp<size_t>(options.shards, 1, capacity);
    for (size_t i = 0; i < count; ++i) {
      shards_.push_back(std::make_unique<Shard>(capacity / count + (i < capacity % count ? 1 : 0)));
    }
  }
  ConcurrentCache(const ConcurrentCache&) = delete;
  ConcurrentCache& operator=(const ConcurrentCache&) = delete;

  // Sets the value of `key`, and its age to 0.
  void Put(const Key& key, Value value) {
    auto fresh = std::make_shared<const Value>(std::move(value));
    const size_t hash = HashOf(key);
    // `fresh` takes the old value along, to destroy it.
    ShardOf(hash).Put(key, hash, fresh, Expiry());
  }
  // The value, shared; null if the key is not there or too old.
  std::shared_ptr<const Value> Find(const Key& key) const {
    const MonoTime now = Expires() ? clock_.Monotonic() : MonoTime{INT64_MIN};
    const size_t hash = HashOf(key);
    std::shared_ptr<const Value> found = ShardOf(hash).Find(key, hash, now);
    (found == nullptr ? misses_ : hits_).Add();
    return found;
  }
  // A copy of the value.
  std::optional<Value> Get(const Key& key) const {
    const std::shared_ptr<const Value> found = Find(key);
    if (found == nullptr) return std::nullopt;
    return *found;
  }
  // Returns whether the key was there.
  bool Erase(const Key& key) {
    const size_t hash = HashOf(key);
    return ShardOf(hash).Erase(key, hash);
  }

  CacheStats Stats() const {
    CacheStats stats;
    stats.hits = hits_.Sum();
    stats.misses = misses_.Sum();
    for (const auto& shard : shards_) shard->AddTo(stats);
    return stats;
  }

 private:
  using Shared = std::shared_ptr<const Value>;

  class Shard {
   public:
    explicit Shard(size_t capacity) : capacity_(capacity) {}

    void Put(const Key& key, size_t hash, Shared& value, MonoTime expiry) {
      WriteLock lock(lock_);
      const auto it = index_.find(key, hash);
      if (it != index_.end()) {
        Entry& entry = *it->second;
        std::swap(entry.value, value);
        entry.expiry = expiry;
        return;
      }
      if (entries_.size() < capacity_) {
        entries_.push_back(std::make_unique<Entry>(key, std::move(value), expiry, entries_.size()));
        index_.emplace(key, entries_.back().get());
        return;
      }
      Entry& entry = Victim();
      index_.erase(entry.key);
      index_.emplace(key, &entry);
      entry.key = key;
      std::swap(entry.value, value);
      entry.expiry = expiry;
      ++evictions_;
    }

    Shared Find(const Key& key, size_t hash, MonoTime now) {
      ReadLock lock(lock_);
      const auto it = index_.find(key, hash);
      if (it == index_.end() || it->second->expiry <= now) return nullptr;
      Entry& entry = *it->second;
      // relaxed: a hint for Victim(), which reads it under the lock. Read first: no write, no
      // traffic, when it is set already.
      if (!entry.used.load(std::memory_order_relaxed)) {
        entry.used.store(true, std::memory_order_relaxed);
      }
      return entry.value;
    }

    bool Erase(const Key& key, size_t hash) {
      std::unique_ptr<Entry> erased;  // Destroyed after the lock is released.
      WriteLock lock(lock_);
      const auto it = index_.find(key, hash);
      if (it == index_.end()) return false;
      const size_t place = it->second->place;
      index_.erase(it);
      erased = std::move(entries_[place]);
      if (place + 1 != entries_.size()) {
        entries_[place] = std::move(entries_.back());
        entries_[place]->place = place;
      }
      entries_.pop_back();
      return true;
    }

    void AddTo(CacheStats& stats) {
      ReadLock lock(lock_);
      stats.evictions += evictions_;
      stats.size += entries_.size();
    }

   private:
    struct Entry {
      Entry(const Key& k, Shared v, MonoTime e, size_t p)
          : key(k), value(std::move(v)), expiry(e), place(p) {}
      Key key;
      Shared value;
      MonoTime expiry;
      size_t place;  // In entries_.
      std::atomic<bool> used{false};
    };

    // The first entry from the hand on that was not used since the hand last passed.
    Entry& Victim() ABSL_EXCLUSIVE_LOCKS_REQUIRED(lock_) {
      for (;;) {
        hand_ = hand_ + 1 < entries_.size() ? hand_ + 1 : 0;
        Entry& entry = *entries_[hand_];
        if (!entry.used.exchange(false, std::memory_order_relaxed)) return entry;
      }
    }

    const size_t capacity_;
    RwLock lock_;
    absl::flat_hash_map<Key, Entry*, absl::Hash<Key>> index_ ABSL_GUARDED_BY(lock_);
    std::vector<std::unique_ptr<Entry>> entries_ ABSL_GUARDED_BY(lock_);
    size_t hand_ ABSL_GUARDED_BY(lock_) = 0;
    uint64_t evictions_ ABSL_GUARDED_BY(lock_) = 0;
  };

  static size_t HashOf(const Key& key) { return absl::Hash<Key>{}(key); }
  Shard& ShardOf(size_t hash) const {
    // By the high bits, scaled: the maps use the low ones, and a division would cost as much as the
    // hash.
    return *shards_[(static_cast<uint64_t>(hash) >> 32) * shards_.size() >> 32];
  }
  bool Expires() const { return ttl_ != absl::InfiniteDuration(); }
  MonoTime Expiry() const { return Expires() ? clock_.Monotonic() + ttl_ : MonoTime::Max(); }

  // Constant after construction.
  const absl::Duration ttl_;
  const Clock& clock_;
  std::vector<std::unique_ptr<Shard>> shards_;
  // Synchronize themselves.
  mutable ShardedCounter hits_;
  mutable ShardedCounter misses_;
};

// A cache whose values may be of any type, one at a time for a key. Thread-safe.
class AnyCache {
 public:
  AnyCache(const CacheOptions& options, const Clock& clock) : cache_(options, clock) {}

  template <typename T>
  void Put(const std::string& key, T&& value) {
    cache_.Put(key, std::any(std::forward<T>(value)));
  }
  // Nothing if the key is not there, is too old, or holds a value of another type than T.
  template <typename T>
  std::optional<T> Get(const std::string& key) const {
    const std::shared_ptr<const std::any> found = cache_.Find(key);
    if (found == nullptr) return std::nullopt;
    const T* value = std::any_cast<T>(found.get());
    if (value == nullptr) return std::nullopt;
    return *value;
  }
  bool Erase(const std::string& key) { return cache_.Erase(key); }
  CacheStats Stats() const { return cache_.Stats(); }

 private:
  ConcurrentCache<std::string, std::any> cache_;
};

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_CONCURRENT_CACHE_H_

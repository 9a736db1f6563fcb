// A bounded map from keys to values that many threads read at once, and that forgets what was not
// asked for.
//
// Sharded by hash, each shard with a readers-writer lock; eviction is CLOCK (F. Corbató, 1968), so
// that a hit sets one bit under the readers' lock, where LRU would have to move a list node under
// the writers'. Why not a packaged cache: none in Debian that is bounded and thread-safe.
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
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "sync/rw_lock.h"

namespace taskforge {

struct CacheOptions {
  // Entries at most, over all shards; at least 1. More hit more often and cost memory.
  size_t capacity = 1024;
  // Parts with a lock each. More contend less and forget less exactly. At most `capacity` are made.
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

// `Key` needs absl::Hash and ==, which run under a shard's lock. Values are copied, moved and
// destroyed outside. Thread-safe.
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
    ShardOf(key).Put(key, fresh, Expiry());  // `fresh` takes the old value along, to destroy it.
  }
  // The value, shared; null if the key is not there or too old.
  std::shared_ptr<const Value> Find(const Key& key) const {
    const MonoTime now = Expires() ? clock_.Monotonic() : MonoTime{INT64_MIN};
    return ShardOf(key).Find(key, now);
  }
  // A copy of the value.
  std::optional<Value> Get(const Key& key) const {
    const std::shared_ptr<const Value> found = Find(key);
    if (found == nullptr) return std::nullopt;
    return *found;
  }
  // Returns whether the key was there.
  bool Erase(const Key& key) { return ShardOf(key).Erase(key); }

  CacheStats Stats() const {
    CacheStats stats;
    for (const auto& shard : shards_) shard->AddTo(stats);
    return stats;
  }

 private:
  using Shared = std::shared_ptr<const Value>;

  class Shard {
   public:
    explicit Shard(size_t capacity) : capacity_(capacity) {}

    void Put(const Key& key, Shared& value, MonoTime expiry) {
      WriteLock lock(lock_);
      const auto it = index_.find(key);
      if (it != index_.end()) {
        Entry& entry = *entries_[it->second];
        std::swap(entry.value, value);
        entry.expiry = expiry;
        return;
      }
      if (entries_.size() < capacity_) {
        index_.emplace(key, entries_.size());
        entries_.push_back(std::make_unique<Entry>(key, std::move(value), expiry));
        return;
      }
      const size_t victim = Advance();
      Entry& entry = *entries_[victim];
      index_.erase(entry.key);
      index_.emplace(key, victim);
      entry.key = key;
      std::swap(entry.value, value);
      entry.expiry = expiry;
      ++evictions_;
    }

    Shared Find(const Key& key, MonoTime now) {
      ReadLock lock(lock_);
      const auto it = index_.find(key);
      if (it == index_.end() || entries_[it->second]->expiry <= now) {
        misses_.fetch_add(1, std::memory_order_relaxed);  // A counter.
        return nullptr;
      }
      const Entry& entry = *entries_[it->second];
      hits_.fetch_add(1, std::memory_order_relaxed);  // A counter.
      // relaxed: a hint for Advance(), which reads it under the lock. Read first: no write, no
      // traffic, when it is set already.
      if (!entry.used.load(std::memory_order_relaxed)) {
        entry.used.store(true, std::memory_order_relaxed);
      }
      return entry.value;
    }

    bool Erase(const Key& key) {
      std::unique_ptr<Entry> erased;  // Destroyed after the lock is released.
      WriteLock lock(lock_);
      const auto it = index_.find(key);
      if (it == index_.end()) return false;
      const size_t place = it->second;
      index_.erase(it);
      erased = std::move(entries_[place]);
      if (place + 1 != entries_.size()) {
        entries_[place] = std::move(entries_.back());
        index_.find(entries_[place]->key)->second = place;
      }
      entries_.pop_back();
      return true;
    }

    void AddTo(CacheStats& stats) {
      ReadLock lock(lock_);
      stats.hits += hits_.load(std::memory_order_relaxed);
      stats.misses += misses_.load(std::memory_order_relaxed);
      stats.evictions += evictions_;
      stats.size += entries_.size();
    }

   private:
    struct Entry {
      Entry(const Key& k, Shared v, MonoTime e) : key(k), value(std::move(v)), expiry(e) {}
      Key key;
      Shared value;
      MonoTime expiry;
      mutable std::atomic<bool> used{false};
    };

    // The first entry from the hand on that was not used since the hand last passed.
    size_t Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(lock_) {
      for (;;) {
        hand_ = hand_ + 1 < entries_.size() ? hand_ + 1 : 0;
        if (!entries_[hand_]->used.exchange(false, std::memory_order_relaxed)) return hand_;
      }
    }

    const size_t capacity_;
    RwLock lock_;
    std::unordered_map<Key, size_t, absl::Hash<Key>> index_ ABSL_GUARDED_BY(lock_);
    std::vector<std::unique_ptr<Entry>> entries_ ABSL_GUARDED_BY(lock_);
    size_t hand_ ABSL_GUARDED_BY(lock_) = 0;
    uint64_t evictions_ ABSL_GUARDED_BY(lock_) = 0;
    std::atomic<uint64_t> hits_{0};
    std::atomic<uint64_t> misses_{0};
  };

  Shard& ShardOf(const Key& key) const {
    // The high bits: the maps use the low ones.
    return *shards_[(absl::Hash<Key>{}(key) >> 32) % shards_.size()];
  }
  bool Expires() const { return ttl_ != absl::InfiniteDuration(); }
  MonoTime Expiry() const { return Expires() ? clock_.Monotonic() + ttl_ : MonoTime::Max(); }

  // Constant after construction.
  const absl::Duration ttl_;
  const Clock& clock_;
  std::vector<std::unique_ptr<Shard>> shards_;
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

// The readers-writer lock, the cache and the results of work, each with its peers.
#include <oneapi/tbb/rw_mutex.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "queue/suite.h"
#include "sync/async_result.h"
#include "sync/concurrent_cache.h"
#include "sync/rw_lock.h"

namespace taskforge::bench {
namespace {

// --- Locks: LockRead(), UnlockRead(), LockWrite(), UnlockWrite().

class PthreadRwLock {
 public:
  ~PthreadRwLock() { pthread_rwlock_destroy(&lock_); }
  void LockRead() { pthread_rwlock_rdlock(&lock_); }
  void UnlockRead() { pthread_rwlock_unlock(&lock_); }
  void LockWrite() { pthread_rwlock_wrlock(&lock_); }
  void UnlockWrite() { pthread_rwlock_unlock(&lock_); }

 private:
  pthread_rwlock_t lock_ = PTHREAD_RWLOCK_INITIALIZER;
};

class TbbRwMutex {
 public:
  void LockRead() { mutex_.lock_shared(); }
  void UnlockRead() { mutex_.unlock_shared(); }
  void LockWrite() { mutex_.lock(); }
  void UnlockWrite() { mutex_.unlock(); }

 private:
  tbb::rw_mutex mutex_;
};

class PlainMutex {
 public:
  void LockRead() { mutex_.lock(); }
  void UnlockRead() { mutex_.unlock(); }
  void LockWrite() { mutex_.lock(); }
  void UnlockWrite() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

constexpr int kLockThreads = 8;
constexpr int kStepsAWrite = 100;  // One in so many is a write.

// Threads read eight words, which always agree, and write them at times. `longest_wait_seconds`
// grows to a writer's longest wait for the lock.
template <typename Lock>
Sample ReadAndWrite(int steps, double& longest_wait_seconds) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Lock lock;
  alignas(64) std::array<uint64_t, 8> words{};
  std::array<double, kLockThreads> longest{};
  std::atomic<bool> torn{false};
  const int share = steps / kLockThreads;
  const Sample sample = RunTogether(kLockThreads, steps, [&](int t) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    double wait = 0;
    for (int i = 1; i <= share; ++i) {
      if ((i + 13 * t) % kStepsAWrite == 0) {
        const double begin = WallSeconds();
        lock.LockWrite();
        wait = std::max(wait, WallSeconds() - begin);
        for (uint64_t& word : words) ++word;
        lock.UnlockWrite();
      } else {
        lock.LockRead();
        uint64_t differ = 0;
        for (const uint64_t word : words) differ |= word ^ words[0];
        lock.UnlockRead();
        if (differ != 0) torn.store(true);
      }
    }
    longest[static_cast<size_t>(t)] = wait;
  });
  Expect(!torn.load(), "a reader saw half a write");
  longest_wait_seconds =
      std::max(longest_wait_seconds, *std::max_element(longest.begin(), longest.end()));
  return sample;
}

// --- Caches: Find(key), which may be null, and Put(key, value).

constexpr uint64_t kKeys = 8192;
using CachedValue = std::shared_ptr<const uint64_t>;

class OurCache {
 public:
  CachedValue Find(uint64_t key) { return cache_.Find(key); }
  void Put(uint64_t key, uint64_t value) { cache_.Put(key, value); }

 private:
  static CacheOptions OptionsForBench() {
    CacheOptions options;
    options.capacity = kKeys / 2;
    return options;
  }
  SystemClock clock_;
  ConcurrentCache<uint64_t, uint64_t> cache_{OptionsForBench(), clock_};
};

// As in every textbook: a map into a list that has the latest used in front.
class MutexLruCache {
 public:
  CachedValue Find(uint64_t key) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto it = index_.find(key);
    if (it == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, it->second);
    return it->second->second;
  }
  void Put(uint64_t key, uint64_t value) {
    auto fresh = std::make_shared<const uint64_t>(value);
    std::lock_guard<std::mutex> lock(mutex_);
    const auto it = index_.find(key);
    if (it != index_.end()) {
      it->second->second = std::move(fresh);
      entries_.splice(entries_.begin(), entries_, it->second);
      return;
    }
    if (entries_.size() >= kKeys / 2) {
      index_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, std::move(fresh));
    index_.emplace(key, entries_.begin());
  }

 private:
  using Entries = std::list<std::pair<uint64_t, CachedValue>>;
  std::mutex mutex_;
  Entries entries_;
  std::unordered_map<uint64_t, Entries::iterator> index_;
};

// Nine of ten look-ups are for a quarter of the keys; what is not found is put.
template <typename Cache>
Sample LookUp(int threads, int steps) {
  Cache cache;
  for (uint64_t key = 0; key < kKeys / 2; ++key) cache.Put(key, key);
  std::atomic<bool> wrong{false};
  return RunTogether(threads, steps, [&](int t) {
    uint64_t state = 0x9E3779B97F4A7C15ULL * static_cast<uint64_t>(t + 1);
    for (int i = 0; i < steps / threads; ++i) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      const uint64_t key = (state >> 32) % (state % 10 == 0 ? kKeys : kKeys / 4);
      const CachedValue found = cache.Find(key);
      if (found == nullptr) {
        cache.Put(key, key);
      } else if (*found != key) {
        wrong.store(true);
      }
    }
    Expect(!wrong.load(), "a cache gave another key's value");
  });
}

// --- Results.

Sample OurResults(int count) {
  return RunTogether(1, count, [count](int) {
    for (int i = 0; i < count; ++i) {
      Promise<int> promise;
      const AsyncResult<int> result = promise.result();
      promise.Set(i);
      Expect(*result.get() == i, "a result");
    }
  });
}
Sample StdFutures(int count) {
  return RunTogether(1, count, [count](int) {
    for (int i = 0; i < count; ++i) {
      std::promise<int> promise;
      std::future<int> future = promise.get_future();
      promise.set_value(i);
      Expect(future.get() == i, "a result");
    }
  });
}

}  // namespace

void MeasureRwLock(const Options& options) {
  const int steps = options.Count(4'000'000, 800'000);
  std::vector<double> longest(4, 0);
  const std::vector<Contender> contenders = {
      {"taskforge", [&] { return ReadAndWrite<RwLock>(steps, longest[0]); }},
      {"pthread", [&] { return ReadAndWrite<PthreadRwLock>(steps, longest[1]); }},
      {"tbb", [&] { return ReadAndWrite<TbbRwMutex>(steps, longest[2]); }},
      {"mutex", [&] { return ReadAndWrite<PlainMutex>(steps, longest[3]); }},
  };
  PrintLowRatios(
      "rwlock", contenders,
      RunInterleaved("readers-writer locks, 8 threads, 1 % writes", options.rounds, contenders));
  for (size_t i = 0; i < contenders.size(); ++i) {
    std::printf("figure rwlock_longest_wait_%s %.3f ms  (of a writer)\n",
                contenders[i].name.c_str(), longest[i] * 1e3);
  }
}

void MeasureCache(const Options& options) {
  const int steps = options.Count(2'000'000, 400'000);
  for (const int threads : {1, 2, 8}) {
    const std::vector<Contender> contenders = {
        {"taskforge", [=] { return LookUp<OurCache>(threads, steps); }},
        {"mutex_lru", [=] { return LookUp<MutexLruCache>(threads, steps); }},
    };
    const std::string count = std::to_string(threads);
    PrintLowRatios(
        "cache_" + count, contenders,
        RunInterleaved("caches, look-ups by " + count + " threads", options.rounds, contenders));
  }
}

void MeasureAsyncResult(const Options& options) {
  const int count = options.Count(1'000'000, 200'000);
  const std::vector<Contender> contenders = {
      {"taskforge", [=] { return OurResults(count); }},
      {"std_future", [=] { return StdFutures(count); }},
  };
  PrintLowRatios("result", contenders,
                 RunInterleaved("results, set and read by one thread", options.rounds, contenders));
}

}  // namespace taskforge::bench

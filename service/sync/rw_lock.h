// A lock that many readers or one writer may hold; writers go first.
//
// After the writer-preferring lock of Courtois, Heymans and Parnas (CACM 1971) on futexes. Why not
// std::shared_mutex: glibc's rwlock underneath prefers readers by default, so that a stream of
// readers keeps a writer out for ever; and neither it nor absl::Mutex is seen by both clang's
// analysis and ThreadSanitizer (see base/mutex.h).
#ifndef TASKFORGE_SYNC_RW_LOCK_H_
#define TASKFORGE_SYNC_RW_LOCK_H_

#include <atomic>
#include <climits>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "base/futex.h"
#include "base/mutex.h"

namespace taskforge {

// How long a writer waits is bounded: from the moment that it is the first of the writers, no new
// reader comes in, so it waits for the read sections already begun and for nothing else; before
// that, for the writers that came first. Readers have no such bound: while writers follow each
// other without a gap, readers wait.
//
// Every reader writes the same word: for read sections of some 100 ns and more, or few threads.
// Not recursive: a thread that reads and reads again deadlocks if a writer comes between.
// A leaf, as every mutex of the house. Thread-safe.
class ABSL_LOCKABLE RwLock {
 public:
  RwLock() = default;
  RwLock(const RwLock&) = delete;
  RwLock& operator=(const RwLock&) = delete;

  void LockRead() ABSL_SHARED_LOCK_FUNCTION() {
    while (!TryEnter()) {
      const uint32_t gate = gate_.load(std::memory_order_acquire);  // Pairs with UnlockWrite().
      if ((state_.load(std::memory_order_acquire) & kWriter) != 0) FutexWait(gate_, gate);
    }
  }
  bool TryLockRead() ABSL_SHARED_TRYLOCK_FUNCTION(true) { return TryEnter(); }
  void UnlockRead() ABSL_UNLOCK_FUNCTION() {
    // release: pairs with the acquire in LockWrite(); the writer sees that the reader is done.
    if (state_.fetch_sub(1, std::memory_order_release) == (kWriter | 1)) FutexWake(state_, 1);
  }

  void LockWrite() ABSL_EXCLUSIVE_LOCK_FUNCTION() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    writers_.Lock();
    // acquire: pairs with the releases of UnlockRead().
    uint32_t state = state_.fetch_or(kWriter, std::memory_order_acquire) | kWriter;
    while (state != kWriter) {
      FutexWait(state_, state);
      state = state_.load(std::memory_order_acquire);
    }
  }
  bool TryLockWrite() ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (!writers_.TryLock()) return false;
    uint32_t free = 0;
    if (state_.compare_exchange_strong(free, kWriter, std::memory_order_acquire)) return true;
    writers_.Unlock();
    return false;
  }
  void UnlockWrite() ABSL_UNLOCK_FUNCTION() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    // release: pairs with the acquire in TryEnter(); publishes what the writer wrote.
    state_.fetch_and(~kWriter, std::memory_order_release);
    gate_.fetch_add(1, std::memory_order_release);  // Pairs with the acquire in LockRead().
    FutexWake(gate_, INT_MAX);
    writers_.Unlock();
  }

 private:
  static constexpr uint32_t kWriter = uint32_t{1} << 31;

  bool TryEnter() {
    uint32_t state = state_.load(std::memory_order_relaxed);
    while ((state & kWriter) == 0) {
      // acquire: pairs with the release in UnlockWrite().
      if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  Mutex writers_;                   // Held by the writer that waits for readers or writes.
  std::atomic<uint32_t> state_{0};  // kWriter, and the number of readers. The writer sleeps here.
  std::atomic<uint32_t> gate_{0};   // Counts the writers that left. Readers sleep here.
};

// Reads for a scope.
class ABSL_SCOPED_LOCKABLE ReadLock {
 public:
  explicit ReadLock(RwLock& lock) ABSL_SHARED_LOCK_FUNCTION(lock) : lock_(lock) {
    lock_.LockRead();
  }
  ~ReadLock() ABSL_UNLOCK_FUNCTION() { lock_.UnlockRead(); }
  ReadLock(const ReadLock&) = delete;
  ReadLock& operator=(const ReadLock&) = delete;

 private:
  RwLock& lock_;
};

// Writes for a scope.
class ABSL_SCOPED_LOCKABLE WriteLock {
 public:
  explicit WriteLock(RwLock& lock) ABSL_EXCLUSIVE_LOCK_FUNCTION(lock) : lock_(lock) {
    lock_.LockWrite();
  }
  ~WriteLock() ABSL_UNLOCK_FUNCTION() { lock_.UnlockWrite(); }
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;

 private:
  RwLock& lock_;
};

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_RW_LOCK_H_

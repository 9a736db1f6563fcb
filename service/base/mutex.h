// Mutual exclusion that clang's thread-safety analysis and ThreadSanitizer both understand.
//
// Why not absl::Mutex: distributions ship abseil without TSan instrumentation, so TSan would report
// every access that it guards. Why not std::condition_variable: glibc before 2.39 can lose a
// wake-up (bug 25847). The Mutex is std::mutex with annotations; the condition variable is a futex.
//
// Rule of the house: every mutex is a leaf. No callback, no other component and no user code runs
// while one is held.
#ifndef TASKFORGE_BASE_MUTEX_H_
#define TASKFORGE_BASE_MUTEX_H_

#include <atomic>
#include <climits>
#include <cstdint>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "base/clock.h"
#include "base/futex.h"

namespace taskforge {

// Thread-safe.
class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }
  bool TryLock() ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

// Holds `mutex` for a scope.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// A condition variable on a futex. Wakes may be spurious: callers loop over their predicate.
// A signal that follows the change of the predicate (made under the mutex) is never lost: the
// sequence number is read before the mutex is released and the kernel compares it before sleeping.
// Thread-safe.
class CondVar {
 public:
  CondVar() = default;
  CondVar(const CondVar&) = delete;
  CondVar& operator=(const CondVar&) = delete;

  // REQUIRES: `mutex` is held; it is held again on return. Returns false once `deadline` has
  // passed.
  bool WaitUntil(Mutex& mutex, MonoTime deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const uint32_t seen = sequence_.load(std::memory_order_relaxed);
    mutex.Unlock();
    const bool in_time = FutexWait(sequence_, seen, deadline);
    mutex.Lock();
    return in_time;
  }
  void Wait(Mutex& mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    WaitUntil(mutex, MonoTime::Max());
  }
  void Signal() { Wake(1); }
  void SignalAll() { Wake(INT_MAX); }

 private:
  void Wake(int count) {
    // The mutex orders the predicate; the kernel's own lock orders this increment with the sleep.
    sequence_.fetch_add(1, std::memory_order_relaxed);
    FutexWake(sequence_, count);
  }

  std::atomic<uint32_t> sequence_{0};
};

// Happens once; then stays so. Thread-safe.
class Notification {
 public:
  Notification() = default;
  Notification(const Notification&) = delete;
  Notification& operator=(const Notification&) = delete;

  // Everything before Notify() happens before a return of true from the functions below.
  // The object may be destroyed as soon as a waiter has seen it: nothing is touched after the
  // store but the word's address, which the kernel treats as a key only.
  void Notify() {
    state_.store(1, std::memory_order_release);  // release: pairs with the acquires below.
    FutexWake(state_, INT_MAX);
  }
  bool HasBeenNotified() const { return state_.load(std::memory_order_acquire) != 0; }
  void Wait() { WaitUntil(MonoTime::Max()); }
  // Returns whether it was notified by `deadline` (on CLOCK_MONOTONIC, the system's real clock).
  bool WaitUntil(MonoTime deadline) {
    while (!HasBeenNotified()) {
      if (!FutexWait(state_, 0, deadline)) return HasBeenNotified();
    }
    return true;
  }
  bool WaitFor(absl::Duration timeout) { return WaitUntil(SystemClock().Monotonic() + timeout); }

 private:
  std::atomic<uint32_t> state_{0};
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_MUTEX_H_

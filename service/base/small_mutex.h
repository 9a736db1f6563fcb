// A mutex of four bytes, for what there is a hundred thousand of: std::mutex takes forty.
#ifndef TASKFORGE_BASE_SMALL_MUTEX_H_
#define TASKFORGE_BASE_SMALL_MUTEX_H_

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "base/futex.h"

namespace taskforge {

// The third mutex of U. Drepper, Futexes Are Tricky (2011), section 5: the word is 0 when it is
// free, 1 when it is held, 2 when it is held and somebody may sleep for it. Made for sections of a
// few instructions: a waiter sleeps at once. Not fair. A leaf, as every mutex. Thread-safe.
class ABSL_LOCKABLE SmallMutex {
 public:
  SmallMutex() = default;
  SmallMutex(const SmallMutex&) = delete;
  SmallMutex& operator=(const SmallMutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    uint32_t free = kFree;
    // acquire: pairs with the release in Unlock(), here and in LockSlow().
    if (!word_.compare_exchange_strong(free, kHeld, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
      LockSlow();
    }
  }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    // release: publishes what was done under the lock to whoever takes it next.
    if (word_.exchange(kFree, std::memory_order_release) == kAwaited) FutexWake(word_, 1);
  }

 private:
  static constexpr uint32_t kFree = 0;
  static constexpr uint32_t kHeld = 1;
  static constexpr uint32_t kAwaited = 2;

  void LockSlow() {
    while (word_.exchange(kAwaited, std::memory_order_acquire) != kFree) {
      FutexWait(word_, kAwaited);
    }
  }

  std::atomic<uint32_t> word_{kFree};
};

// Holds a SmallMutex for a scope.
class ABSL_SCOPED_LOCKABLE SmallMutexLock {
 public:
  explicit SmallMutexLock(SmallMutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~SmallMutexLock() ABSL_UNLOCK_FUNCTION() { mutex_.Unlock(); }
  SmallMutexLock(const SmallMutexLock&) = delete;
  SmallMutexLock& operator=(const SmallMutexLock&) = delete;

 private:
  SmallMutex& mutex_;
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_SMALL_MUTEX_H_

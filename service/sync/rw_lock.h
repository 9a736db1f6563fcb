// A lock that many readers or one writer may hold; writers go first, and readers do not disturb
// each other.
//
// The readers are counted in stripes, a cache line each, as in the distributed locks of W. Hsieh
// and W. Weihl ("Scalable Reader-Writer Locks for Parallel Systems", IPPS 1992) and of D. Vyukov
// (1024cores.net); a writer closes a gate and waits until it has seen every stripe empty. Waiting
// is on futexes.
//
// Why not std::shared_mutex: glibc's rwlock underneath prefers readers by default, so that a stream
// of readers keeps a writer out for ever, and all readers write one word. Why not oneTBB's or
// Boost's: the same word for all, or no sleeping. And none of them, nor absl::Mutex, is seen by
// both clang's analysis and ThreadSanitizer (see base/mutex.h).
#ifndef TASKFORGE_SYNC_RW_LOCK_H_
#define TASKFORGE_SYNC_RW_LOCK_H_

#include <array>
#include <climits>
#include <cstddef>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "base/clock.h"
#include "sync/atomics.h"

namespace taskforge {

// How long a writer waits for readers is bounded: from its call on no new reader comes in, so it
// waits for the read sections already begun, and once for each thread that is just finding the gate
// closed. Writers come one after the other, in no promised order. Readers have no bound: while
// there is a writer, readers wait.
//
// Costs: to read takes two read-modify-writes of a line that no other thread writes, as long as no
// more than kStripes threads live (beyond that some share one); to write takes a look at kStripes
// lines and holds up every reader. So it is for what is read much oftener than written. A lock
// takes 1,088 bytes: embed it in what there are few of, and Mutex elsewhere.
//
// Memory order: all operations are sequentially consistent. A reader counts itself and then looks
// at the gate; a writer closes the gate and then looks at the counts. In the one order of all of
// these, either the writer sees the reader and waits, or the reader sees the gate closed and goes
// back (T. Dekker's argument). A section happens before each later one if one of the two writes:
// by the count, if the first one reads; by the mutex or the gate, if it writes.
//
// UnlockRead() is for the thread that locked. Not recursive: a thread that reads and reads again
// deadlocks if a writer comes between. The Try functions never wait; they may also fail because
// another thread tries, or is going back. A leaf, as every mutex of the house. Thread-safe.
template <typename Atomics>
class ABSL_LOCKABLE BasicRwLock {
 public:
  static constexpr size_t kStripes = 16;

  BasicRwLock() = default;
  BasicRwLock(const BasicRwLock&) = delete;
  BasicRwLock& operator=(const BasicRwLock&) = delete;

  void LockRead() ABSL_SHARED_LOCK_FUNCTION() {
    while (!TryEnter()) WaitAtGate();
  }
  bool TryLockRead() ABSL_SHARED_TRYLOCK_FUNCTION(true) { return TryEnter(); }
  void UnlockRead() ABSL_UNLOCK_FUNCTION() { Leave(MyStripe()); }

  void LockWrite() ABSL_EXCLUSIVE_LOCK_FUNCTION() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    gate_.fetch_add(1);
    writers_.Lock();
    // Each stripe once: whoever counts himself in it after this look finds the gate closed.
    for (Stripe& stripe : stripes_) WaitUntilEmpty(stripe.readers);
  }
  bool TryLockWrite() ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (!writers_.TryLock()) return false;
    gate_.fetch_add(1);
    for (const Stripe& stripe : stripes_) {
      if (stripe.readers.load() == 0) continue;
      UnlockWrite();
      return false;
    }
    return true;
  }
  void UnlockWrite() ABSL_UNLOCK_FUNCTION() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    writers_.Unlock();
    uint32_t gate = gate_.load();
    // The last writer forgets who sleeps, and wakes them.
    while (!gate_.compare_exchange_weak(gate, gate == (kSleepers | 1) ? 0 : gate - 1)) {
    }
    if (gate == (kSleepers | 1)) Atomics::Wake(gate_, INT_MAX);
  }

 private:
  using Word = typename Atomics::template Atomic<uint32_t>;

  // In a stripe: a writer sleeps until it is empty. In the gate: readers sleep until it is open.
  static constexpr uint32_t kSleepers = uint32_t{1} << 31;
  // Looks before sleeping, some 1 µs in all: most sections are shorter, and to sleep and be woken
  // takes longer.
  static constexpr int kLooks = 64;

  struct alignas(64) Stripe {  // A cache line each, so that readers do not disturb each other.
    Word readers{0};
  };

  // Threads have dense numbers, so that the first kStripes of them share nothing.
  Stripe& MyStripe() { return stripes_[Atomics::ThreadSlot() % kStripes]; }

  bool TryEnter() {
    if (gate_.load() != 0) return false;  // Leaves the stripe alone, at which the writer looks.
    Stripe& mine = MyStripe();
    mine.readers.fetch_add(1);
    if (gate_.load() == 0) return true;
    Leave(mine);
    return false;
  }
  void Leave(Stripe& mine) {
    if (mine.readers.fetch_sub(1) == (kSleepers | 1)) Atomics::Wake(mine.readers, 1);
  }
  void WaitAtGate() {
    for (int i = 0; i < kLooks; ++i) {
      if (gate_.load() == 0) return;
      Pause();
    }
    uint32_t gate = gate_.load();
    while (gate != 0) {
      // Only if it is still closed: from then on whoever opens it wakes.
      if (gate_.compare_exchange_weak(gate, gate | kSleepers)) {
        Atomics::Wait(gate_, gate | kSleepers, MonoTime::Max());
        gate = gate_.load();
      }
    }
  }
  // By the one writer that holds writers_.
  static void WaitUntilEmpty(Word& readers) {
    for (int i = 0; i < kLooks; ++i) {
      if (readers.load() == 0) return;
      Pause();
    }
    uint32_t left = readers.fetch_add(kSleepers) + kSleepers;
    while (left != kSleepers) {
      Atomics::Wait(readers, left, MonoTime::Max());
      left = readers.load();
    }
    readers.fetch_sub(kSleepers);
  }
  static void Pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  std::array<Stripe, kStripes> stripes_;
  // Writers write both of these, one after the other, and readers only look at the first.
  alignas(64) Word gate_{0};         // Writers that wait or write; 0: open. kSleepers.
  typename Atomics::Mutex writers_;  // Held by the writer that waits for readers or writes.
};

using RwLock = BasicRwLock<StdAtomics>;

// Reads for a scope.
template <typename Lock>
class ABSL_SCOPED_LOCKABLE ReadLock {
 public:
  explicit ReadLock(Lock& lock) ABSL_SHARED_LOCK_FUNCTION(lock) : lock_(lock) { lock_.LockRead(); }
  ~ReadLock() ABSL_UNLOCK_FUNCTION() { lock_.UnlockRead(); }
  ReadLock(const ReadLock&) = delete;
  ReadLock& operator=(const ReadLock&) = delete;

 private:
  Lock& lock_;
};

// Writes for a scope.
template <typename Lock>
class ABSL_SCOPED_LOCKABLE WriteLock {
 public:
  explicit WriteLock(Lock& lock) ABSL_EXCLUSIVE_LOCK_FUNCTION(lock) : lock_(lock) {
    lock_.LockWrite();
  }
  ~WriteLock() ABSL_UNLOCK_FUNCTION() { lock_.UnlockWrite(); }
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;

 private:
  Lock& lock_;
};

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_RW_LOCK_H_

// Waiting for a condition of a lock-free structure.
//
// An event count (D. Reed, R. Kanodia, CACM 1979; D. Vyukov's and folly's are of the same kind): a
// waiter announces itself, looks at the condition once more, then sleeps; a notifier changes the
// condition, then looks for waiters. Why not a condition variable: it needs a mutex on the
// notifying side. Why not std::atomic::wait: it has no deadline, and libstdc++'s shares its futexes
// between unrelated words.
#ifndef TASKFORGE_SYNC_EVENT_COUNT_H_
#define TASKFORGE_SYNC_EVENT_COUNT_H_

#include <atomic>
#include <climits>
#include <cstdint>

#include "base/clock.h"
#include "sync/atomics.h"

namespace taskforge {

// Use:
//   waiter                                        notifier
//   for (;;) {                                    queue.Push(x);
//     if (queue.Pop(x)) return x;                 event.NotifyOne();
//     const EventCount::Key key = event.PrepareWait();
//     if (queue.Pop(x)) { event.CancelWait(); return x; }
//     event.CommitWait(key, deadline);
//   }
// No wake-up is lost: PrepareWait() and Notify*() both read-modify-write the same word. If the
// waiter's comes first the notifier sees it; else the waiter synchronizes with the notifier, and
// its second look sees the change. Notifying takes no lock and makes no system call when nobody
// waits. All waiters must wait for the same condition, or be woken by NotifyAll(). Thread-safe.
template <typename Atomics>
class BasicEventCount {
 public:
  using Key = uint32_t;

  BasicEventCount() = default;
  BasicEventCount(const BasicEventCount&) = delete;
  BasicEventCount& operator=(const BasicEventCount&) = delete;

  // Announces a waiter. Exactly one CancelWait() or CommitWait() must follow.
  [[nodiscard]] Key PrepareWait() {
    // seq_cst: pairs with the read-modify-write in Notify().
    waiters_.fetch_add(1, std::memory_order_seq_cst);
    // acquire: pairs with the increment in Notify(); a key that is new means a condition that is.
    return sequence_.load(std::memory_order_acquire);
  }
  // The condition held after all.
  void CancelWait() { waiters_.fetch_sub(1, std::memory_order_relaxed); }
  // Sleeps until a notification after PrepareWait(), or until `deadline`; may return early for no
  // reason, so look again. Returns false only when the deadline has passed.
  bool CommitWait(Key key, MonoTime deadline = MonoTime::Max()) {
    const bool in_time = Atomics::Wait(sequence_, key, deadline);
    waiters_.fetch_sub(1, std::memory_order_relaxed);
    return in_time;
  }

  void NotifyOne() { Notify(1); }
  void NotifyAll() { Notify(INT_MAX); }

 private:
  void Notify(int count) {
    // seq_cst, and a read-modify-write though it changes nothing: a plain load could be carried out
    // before the change of the condition, and miss a waiter that missed the change.
    if (waiters_.fetch_add(0, std::memory_order_seq_cst) == 0) return;
    // release: pairs with the acquire in PrepareWait().
    sequence_.fetch_add(1, std::memory_order_release);
    Atomics::Wake(sequence_, count);
  }

  typename Atomics::template Atomic<uint32_t> waiters_{0};
  typename Atomics::template Atomic<uint32_t> sequence_{0};  // The futex word.
};

using EventCount = BasicEventCount<StdAtomics>;

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_EVENT_COUNT_H_

// Who sleeps and who searches: the pool's wake protocol, free of lost wake-ups and of herds.
//
// One 64-bit word holds the top of the stack of parked seats (the last parked is woken first: its
// caches are warm), how many workers search for work, and a tag that every change advances (against
// ABA). Everything below is sequentially consistent, so the operations have one order, and that is
// the whole argument:
//
// - Submit: count the work in (LevelRings), then look at the word with Notify(). If somebody
//   searches, that is all: the searcher changes the word when it stops searching, and that comes
//   after this look, else the look would have seen it; so it sees the work when it looks again.
//   Else the top parked seat is popped, counted as searching and woken by one futex call. If none
//   is parked, every worker will still change the word (to park), after this look, and then look at
//   the work. So a submitter writes nothing that others write, but when it wakes somebody.
// - A worker that found work while searching calls StopSearching(), looks at all rings again, and
//   wakes one more with Notify() if there is any: so a burst wakes a chain, not a herd.
// - A worker that found nothing calls Park(): one change stops its search and pushes its seat. Then
//   it looks again, and calls Notify() (which may well wake itself) if there is any work; then it
//   sleeps.
//
// The controller retires a parked seat by a compare-and-swap PARKED → LEAVING in the seat's own
// word, without taking it from the stack. Whoever pops a seat that is not parked pops on. A seat
// that gets a new thread while it is still in the stack is simply not pushed again.
#ifndef TASKFORGE_POOL_WAKE_LIST_H_
#define TASKFORGE_POOL_WAKE_LIST_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace taskforge {

// What the wake list keeps for each seat. Thread-safe.
struct ParkSlot {
  // A futex word: one of the states, with kInStack while the seat is in the stack.
  std::atomic<uint32_t> state{0};
  std::atomic<uint32_t> next{0};  // Seat + 1 below this one in the stack; 0: none.

  static constexpr uint32_t kVacant = 0;   // Has no thread.
  static constexpr uint32_t kRunning = 1;  // Its thread runs, searches or is about to park.
  static constexpr uint32_t kParked = 2;   // Its thread sleeps, or is about to.
  static constexpr uint32_t kLeaving = 3;  // Its thread has been told to end.
  static constexpr uint32_t kStateMask = 3;
  static constexpr uint32_t kInStack = 4;
};

// Thread-safe, lock-free but for the sleeping itself.
class WakeList {
 public:
  static constexpr uint32_t kMaxSeats = 1024;

  enum class Outcome {
    kWoke,      // A parked worker was woken.
    kSearched,  // Somebody searches already.
    kNobody,    // All workers are busy.
  };

  WakeList() = default;
  WakeList(const WakeList&) = delete;
  WakeList& operator=(const WakeList&) = delete;

  // Work has been published, or may now be taken: sees to it that somebody looks.
  Outcome Notify();
  // Whether Notify() would wake somebody.
  bool CanWake() const {
    const uint64_t word = word_.load();
    return (word & kSearchers) == 0 && (word & kSeatMask) != 0;
  }
  // Begins to search unless somebody does.
  bool TrySearch();
  // Whoever calls it looks at all rings afterwards, and calls Notify() if there is work.
  void StopSearching() { word_.fetch_add(kTag - kSearcher); }

  // For the thread of `seat`. Announces that it is going to sleep, and stops its search.
  void Park(uint32_t seat, bool searching);
  // Sleeps until woken (true: it searches now) or retired (false). REQUIRES: Park(seat) before.
  bool Sleep(uint32_t seat);

  // For the controller. Makes a vacant seat running.
  void Occupy(uint32_t seat);
  // Tells a parked seat to leave; false: it is not parked.
  bool Retire(uint32_t seat);
  // Its thread has ended.
  void Vacate(uint32_t seat);

  bool IsParked(uint32_t seat) const;
  uint64_t futex_wakes() const { return futex_wakes_.load(std::memory_order_relaxed); }

 private:
  static constexpr uint64_t kSeatMask = 0xFFFF;
  static constexpr uint64_t kSearcher = uint64_t{1} << 16;
  static constexpr uint64_t kSearchers = uint64_t{0xFFFF} << 16;
  static constexpr uint64_t kTag = uint64_t{1} << 32;

  // Wakes the seat that was popped if it is parked.
  bool WakePopped(uint32_t seat);

  alignas(64) std::atomic<uint64_t> word_{0};  // Own line: every submission reads it.
  alignas(64) std::array<ParkSlot, kMaxSeats> slots_;
  std::atomic<uint64_t> futex_wakes_{0};
};

}  // namespace taskforge

#endif  // TASKFORGE_POOL_WAKE_LIST_H_

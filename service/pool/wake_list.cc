#include "pool/wake_list.h"

#include "base/futex.h"

// Everything here is sequentially consistent: on x86 that costs nothing more, and the argument in
// the header needs one order of changes and looks.
namespace taskforge {

WakeList::Outcome WakeList::Notify() {
  uint64_t word = word_.load();
  for (;;) {
    if ((word & kSearchers) != 0) return Outcome::kSearched;
    const uint64_t top = word & kSeatMask;
    if (top == 0) return Outcome::kNobody;
    const uint32_t seat = static_cast<uint32_t>(top - 1);
    const uint64_t below = slots_[seat].next.load();
    // The tag makes a `below` that changed meanwhile fail.
    const uint64_t popped = (((word & ~kSeatMask) | below) + kSearcher) + kTag;
    if (!word_.compare_exchange_weak(word, popped)) continue;
    if (WakePopped(seat)) return Outcome::kWoke;
    // It was leaving. Others may have relied on the search that it will not do: look on.
    word = word_.fetch_add(kTag - kSearcher) + kTag - kSearcher;
  }
}

bool WakeList::WakePopped(uint32_t seat) {
  std::atomic<uint32_t>& state = slots_[seat].state;
  uint32_t seen = state.load();
  for (;;) {
    const bool parked = (seen & ParkSlot::kStateMask) == ParkSlot::kParked;
    const uint32_t wanted = parked ? ParkSlot::kRunning : seen & ~ParkSlot::kInStack;
    if (!state.compare_exchange_weak(seen, wanted)) continue;
    if (!parked) return false;
    futex_wakes_.fetch_add(1, std::memory_order_relaxed);
    FutexWake(state, 1);
    return true;
  }
}

bool WakeList::TrySearch() {
  uint64_t word = word_.load();
  do {
    if ((word & kSearchers) != 0) return false;
  } while (!word_.compare_exchange_weak(word, word + kSearcher + kTag));
  return true;
}

void WakeList::Park(uint32_t seat, bool searching) {
  const uint64_t stop = searching ? kSearcher : 0;
  ParkSlot& slot = slots_[seat];
  uint32_t seen = slot.state.load();
  bool in_stack = false;
  do {
    in_stack = (seen & ParkSlot::kInStack) != 0;
  } while (!slot.state.compare_exchange_weak(seen, ParkSlot::kParked | ParkSlot::kInStack));
  if (in_stack) {
    word_.fetch_add(kTag - stop);
    return;
  }
  uint64_t word = word_.load();
  uint64_t pushed = 0;
  do {
    slot.next.store(static_cast<uint32_t>(word & kSeatMask));
    pushed = ((word & ~kSeatMask) | (uint64_t{seat} + 1)) + kTag - stop;
  } while (!word_.compare_exchange_weak(word, pushed));
}

bool WakeList::Sleep(uint32_t seat) {
  std::atomic<uint32_t>& state = slots_[seat].state;
  for (;;) {
    const uint32_t seen = state.load();
    if ((seen & ParkSlot::kStateMask) == ParkSlot::kRunning) return true;
    if ((seen & ParkSlot::kStateMask) == ParkSlot::kLeaving) return false;
    FutexWait(state, seen);
  }
}

void WakeList::Occupy(uint32_t seat) {
  std::atomic<uint32_t>& state = slots_[seat].state;
  uint32_t seen = state.load();
  while (!state.compare_exchange_weak(seen, (seen & ParkSlot::kInStack) | ParkSlot::kRunning)) {
  }
}

bool WakeList::Retire(uint32_t seat) {
  std::atomic<uint32_t>& state = slots_[seat].state;
  uint32_t parked = ParkSlot::kParked | ParkSlot::kInStack;
  if (!state.compare_exchange_strong(parked, ParkSlot::kLeaving | ParkSlot::kInStack)) return false;
  FutexWake(state, 1);
  return true;
}

void WakeList::Vacate(uint32_t seat) {
  std::atomic<uint32_t>& state = slots_[seat].state;
  uint32_t seen = state.load();
  while (!state.compare_exchange_weak(seen, (seen & ParkSlot::kInStack) | ParkSlot::kVacant)) {
  }
}

bool WakeList::IsParked(uint32_t seat) const {
  return (slots_[seat].state.load() & ParkSlot::kStateMask) == ParkSlot::kParked;
}

}  // namespace taskforge

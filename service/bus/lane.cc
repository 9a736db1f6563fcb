#include "bus/lane.h"

namespace taskforge {

Lane::~Lane() {
  uint64_t position = 0;
  uint32_t refused = 0;
  while (const Event* event = Pop(position, refused)) event->Release();
  delete[] slots_.load(std::memory_order_relaxed);
}

Lane::Slot* Lane::SlotsForPush() {
  // acquire: pairs with the release of whoever set it; the slots are initialised.
  Slot* slots = slots_.load(std::memory_order_acquire);
  if (slots != nullptr) return slots;
  auto fresh = std::make_unique<Slot[]>(mask_ + 1);
  if (slots_.compare_exchange_strong(slots, fresh.get(), std::memory_order_acq_rel,
                                     std::memory_order_acquire)) {
    return fresh.release();
  }
  return slots;
}

bool Lane::TryPush(const Event* event) {
  Slot* slots = SlotsForPush();
  // Before the claim: so a publisher's refused events are told before its next one and, since what
  // others claim later comes later, not before its last one.
  const uint32_t refused = refused_.load(std::memory_order_seq_cst);
  uint64_t position = tail_.load(std::memory_order_relaxed);
  for (;;) {
    Slot& slot = slots[position & mask_];
    const uint32_t free_turn = 2 * LapOf(position);
    // acquire: pairs with the release in Pop(); its taker has left the slot.
    const uint32_t turn = slot.turn.load(std::memory_order_acquire);
    if (turn == free_turn) {
      // seq_cst: with `refused`, so that the claim is not older than the count.
      if (tail_.compare_exchange_weak(position, position + 1, std::memory_order_seq_cst,
                                      std::memory_order_relaxed)) {
        slot.refused_before = refused;
        slot.event = event;
        // seq_cst: publishes the slot to Pop(), and stands before the pusher's look at the
        // subscriber's state (see HasNews()).
        slot.turn.store(free_turn + 1, std::memory_order_seq_cst);
        return true;
      }
    } else if (static_cast<int32_t>(turn - free_turn) < 0) {
      return false;
    } else {
      position = tail_.load(std::memory_order_relaxed);
    }
  }
}

const Event* Lane::Pop(uint64_t& position, uint32_t& refused_before) {
  // acquire: pairs with the release in SlotsForPush().
  Slot* slots = slots_.load(std::memory_order_acquire);
  position = head_.load(std::memory_order_seq_cst);
  if (slots == nullptr) return nullptr;
  for (;;) {
    Slot& slot = slots[position & mask_];
    const uint32_t filled_turn = 2 * LapOf(position) + 1;
    // seq_cst: pairs with the store in TryPush().
    const uint32_t turn = slot.turn.load(std::memory_order_seq_cst);
    if (turn == filled_turn) {
      // seq_cst: a drop stands before the dropper's look at the subscriber's state.
      if (head_.compare_exchange_weak(position, position + 1, std::memory_order_seq_cst)) {
        const Event* event = slot.event;
        refused_before = slot.refused_before;
        // release: pairs with the acquire in TryPush(); the slot's content has been read.
        slot.turn.store(filled_turn + 1, std::memory_order_release);
        return event;
      }
    } else if (static_cast<int32_t>(turn - filled_turn) < 0) {
      return nullptr;
    } else {
      position = head_.load(std::memory_order_seq_cst);
    }
  }
}

const Event* Lane::TryDrop() {
  uint64_t position = 0;
  uint32_t refused = 0;
  return Pop(position, refused);
}

std::optional<Lane::Taken> Lane::TryTake(uint64_t& missed_at_end) {
  // Before the look at the ring: what had been refused by now comes after everything that the ring
  // held then. If the ring turns out empty, all of that has been taken.
  const uint32_t refused_now = refused_.load(std::memory_order_seq_cst);
  const uint64_t tail_now = tail_.load(std::memory_order_seq_cst);
  uint64_t position = 0;
  uint32_t refused = refused_told_.load(std::memory_order_relaxed);
  const uint32_t told = refused;
  const Event* event = Pop(position, refused);
  // An entry whose claim is pending hides later ones: what was refused is told behind them.
  if (event == nullptr && position >= tail_now) refused = refused_now;
  // A pusher may have read its count before another one did who claimed an earlier slot.
  const uint32_t newly_refused =
      static_cast<int32_t>(refused - told) > 0 ? refused - told : uint32_t{0};
  const uint64_t missed = position - expected_.load(std::memory_order_relaxed) + newly_refused;
  expected_.store(event == nullptr ? position : position + 1, std::memory_order_relaxed);
  refused_told_.store(told + newly_refused, std::memory_order_relaxed);
  if (event == nullptr) {
    missed_at_end = missed;
    return std::nullopt;
  }
  return Taken{event, missed};
}

bool Lane::HasNews() const {
  const uint64_t position = head_.load(std::memory_order_seq_cst);
  if (position != expected_.load(std::memory_order_relaxed)) return true;
  if (refused_.load(std::memory_order_seq_cst) != refused_told_.load(std::memory_order_relaxed)) {
    return true;
  }
  const Slot* slots = slots_.load(std::memory_order_acquire);
  return slots != nullptr &&
         slots[position & mask_].turn.load(std::memory_order_seq_cst) == 2 * LapOf(position) + 1;
}

}  // namespace taskforge

#include "bus/lane.h"

#include <algorithm>
#include <array>

namespace taskforge {

Lane::~Lane() {
  while (const Event* event = TryDrop()) event->Release();
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
        // The reader had it last, a lap ago: it comes over while others are served.
        __builtin_prefetch(&slots[(position + kSlotsInALine) & mask_], /*for writing*/ 1);
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

size_t Lane::Pop(absl::Span<Entry> out, uint64_t& position) {
  // acquire: pairs with the release in SlotsForPush().
  Slot* slots = slots_.load(std::memory_order_acquire);
  position = head_.load(std::memory_order_seq_cst);
  if (slots == nullptr) return 0;
  for (;;) {
    // Filled slots stay as they are until the head has moved past them.
    size_t filled = 0;
    int32_t turns_ahead = 0;
    for (; filled < out.size(); ++filled) {
      // seq_cst: pairs with the store in TryPush().
      const uint32_t turn = slots[(position + filled) & mask_].turn.load(std::memory_order_seq_cst);
      turns_ahead = static_cast<int32_t>(turn - (2 * LapOf(position + filled) + 1));
      if (turns_ahead != 0) break;
    }
    if (filled == 0) {
      if (turns_ahead < 0) return 0;
      position = head_.load(std::memory_order_seq_cst);  // Others took it.
      continue;
    }
    // seq_cst: a drop stands before the dropper's look at the subscriber's state.
    if (!head_.compare_exchange_weak(position, position + filled, std::memory_order_seq_cst)) {
      continue;
    }
    for (size_t i = 0; i < filled; ++i) {
      Slot& slot = slots[(position + i) & mask_];
      out[i] = {slot.event, slot.refused_before};
      // release: pairs with the acquire in TryPush(); the slot's content has been read.
      slot.turn.store(2 * LapOf(position + i) + 2, std::memory_order_release);
    }
    return filled;
  }
}

const Event* Lane::TryDrop() {
  uint64_t position = 0;
  Entry entry;
  return Pop(absl::MakeSpan(&entry, 1), position) == 0 ? nullptr : entry.event;
}

size_t Lane::Take(absl::Span<Taken> out, uint64_t& missed_at_end) {
  missed_at_end = 0;
  std::array<Entry, kMostAtOnce> entries;
  size_t taken = 0;
  while (taken < out.size()) {
    // Before the look at the ring: what had been refused by now comes after everything that the
    // ring held then. If the ring turns out empty, all of that has been taken.
    const uint32_t refused_now = refused_.load(std::memory_order_seq_cst);
    const bool is_untold = refused_now != refused_told_.load(std::memory_order_relaxed);
    // Not read for nothing: the pushers' line would have to come back to them each time.
    const uint64_t tail_now = is_untold ? tail_.load(std::memory_order_seq_cst) : 0;
    uint64_t position = 0;
    const size_t most = std::min(entries.size(), out.size() - taken);
    const size_t popped = Pop(absl::MakeSpan(entries.data(), most), position);
    uint64_t missed = position - expected_.load(std::memory_order_relaxed);
    expected_.store(position + popped, std::memory_order_relaxed);
    if (popped == 0) {
      // An entry whose claim is pending hides later ones: what was refused is told behind them.
      if (is_untold && position >= tail_now) missed += TellRefused(refused_now);
      missed_at_end = missed;
      break;
    }
    for (size_t i = 0; i < popped; ++i) {
      missed += TellRefused(entries[i].refused_before);
      out[taken++] = {entries[i].event, missed};
      missed = 0;
    }
  }
  return taken;
}

uint32_t Lane::TellRefused(uint32_t refused) {
  const uint32_t told = refused_told_.load(std::memory_order_relaxed);
  // A pusher may have read its count before another one did who claimed an earlier slot.
  if (static_cast<int32_t>(refused - told) <= 0) return 0;
  refused_told_.store(refused, std::memory_order_relaxed);
  return refused - told;
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

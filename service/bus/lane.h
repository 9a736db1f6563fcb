// The events of one priority that wait for one subscriber.
#ifndef TASKFORGE_BUS_LANE_H_
#define TASKFORGE_BUS_LANE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/types/span.h"
#include "bus/event.h"

namespace taskforge {

// A bounded queue, first in, first out, after Vyukov's bounded MPMC queue
// (https://www.1024cores.net/home/lock-free-algorithms/queues/bounded-mpmc-queue). Many push; one
// reader at a time takes; pushers that make room drop the oldest. It differs from a general ring in
// that the reader learns where something is missing: the positions that it does not see were
// dropped, and each entry carries how many events had been refused before it.
//
// Not lock-free in the strict sense: a pusher that is preempted between its claim of a slot and its
// publication hides what lies behind that slot until it runs again; then it is the one who tells
// the reader. Nobody spins on it and nobody waits for it.
//
// An idle lane has no slots: they come with the first push (16 bytes each).
// Thread-safe, except where a method says that it is the reader's.
class Lane {
 public:
  struct Taken {
    const Event* event = nullptr;  // With the reference that was pushed.
    uint64_t missed_before = 0;    // Events lost between the entry taken before and this one.
  };

  // `capacity` is a power of two.
  explicit Lane(size_t capacity) : mask_(capacity - 1) {}
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Takes over one reference to `event`. False, and the reference stays the caller's, when there is
  // no free slot (or the slot's last taker has not left it yet).
  bool TryPush(const Event* event);
  // Takes the oldest entry out, to drop it: the reader will see that one is missing. Null when
  // nothing can be taken.
  const Event* TryDrop();
  // Counts an event that was refused at the end of the lane.
  void CountRefused() {
    // seq_cst: pairs with HasNews(), as a push does.
    refused_.fetch_add(1, std::memory_order_seq_cst);
  }

  // The reader's: takes the oldest entries, at most as many as `out` has room for, by one
  // read-modify-write if nobody interferes. Returns how many. If there is room left, nothing more
  // could be taken, and `missed_at_end` is the number of events that were lost after the last entry
  // taken; else it is 0.
  size_t Take(absl::Span<Taken> out, uint64_t& missed_at_end);

  // Whether the reader would learn something. seq_cst: whoever pushes, drops or refuses and then
  // reads the subscriber's state, and the reader who writes that state and then asks here, cannot
  // both miss each other.
  bool HasNews() const;

 private:
  static constexpr size_t kMostAtOnce = 64;

  // A slot's turn is 2·lap when it is free for that lap of the ring, 2·lap + 1 when it is filled.
  struct Slot {
    std::atomic<uint32_t> turn{0};
    uint32_t refused_before = 0;
    const Event* event = nullptr;
  };

  static constexpr size_t kSlotsInALine = 64 / sizeof(Slot);

  Slot* SlotsForPush();
  uint32_t LapOf(uint64_t position) const { return static_cast<uint32_t>(position / (mask_ + 1)); }
  // What is in a slot.
  struct Entry {
    const Event* event = nullptr;
    uint32_t refused_before = 0;
  };
  // Takes entries from the head on, at most as many as `out` has room for; returns how many.
  // `position` is where the first was, or where the head is when none can be taken.
  size_t Pop(absl::Span<Entry> out, uint64_t& position);
  // The reader's: how many of the first `refused` refused events it had not been told of.
  uint32_t TellRefused(uint32_t refused);

  // Constant after construction.
  const uint64_t mask_;

  // Synchronizes itself. What seldom changes on one line, and the two ends on lines of their own:
  // pushers write one, the reader the other, and neither reads the other's for nothing.
  std::atomic<Slot*> slots_{nullptr};
  std::atomic<uint32_t> refused_{0};
  alignas(64) std::atomic<uint64_t> tail_{0};
  alignas(64) std::atomic<uint64_t> head_{0};

  // The reader's; atomic because HasNews() may look while another reader runs.
  std::atomic<uint64_t> expected_{0};      // Position after the last entry taken.
  std::atomic<uint32_t> refused_told_{0};  // Refused events already reported.
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_LANE_H_

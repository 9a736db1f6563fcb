// Which priority is due: the part of the pool that bounds how long a task can be passed over.
//
// THE BOUND. Let k be a priority with g_k guaranteed slots of W, and let D be the number of
// dispatches of the pool since some moment at which a published task of priority k waited with n
// published tasks of its priority before it. Let M be the number of seats that dispatched since
// then. Not counted in D are: entries that turn out to be cancelled, and, if k is Low or Normal,
// dispatches by a worker that saw the running cap of Low and Normal reached (running_cap.h), or the
// entry that was due claimed but not yet published (sync/mpmc_ring.h). Then:
//
//     once  D > W · (n / g_k + M)  the task has started.
//
// It counts dispatches, not time.
//
// PROOF. A seat walks a table for Low and Normal (`background`): one position at each counted
// dispatch. At a position of k it serves k if k has work, and until our task starts it has. So let
// a seat have made d dispatches since the moment, and let x of them have served k. At most the
// first had been decided before the moment; the other d − 1 took d − 1 successive positions. Write
// d − 1 = q·W + r with 0 <= r < W. Any W successive positions hold g_k of k, hence x >= g_k·q, and
//
//     d = q·W + r + 1 <= W·(q + 1) <= W · (x / g_k + 1).                                    (1)
//
// For High there is a second table, which walks at every dispatch. When a position of both tables
// comes up at once, the background one is served and High is owed: it is served at the very next
// dispatch, because background positions are never adjacent, and no second debt can arise in
// between, because positions of High are never adjacent either. So at most the last of d − 1
// positions is still owed: x >= (positions of High among the first d − 2). With g >= 2 evenly
// spread, r − 1 = W − 2 or more positions beyond the full rounds hold at least one of High; then
// x >= g·q + 1 and (1) holds; with fewer, d <= W·(q + 1) and (1) holds as above.
//
// For Critical, g = W − (guaranteed slots of the others): at every other dispatch it comes first.
//
// While our task has not started, the dispatches that served k took, first in first out, only tasks
// before it: the sum of x over all seats is at most n. Summing (1) over the M seats:
//
//     D = Σd <= W · (Σx / g_k + M) <= W · (n / g_k + M).
//
// So beyond that the task has started. ∎
//
// The table belongs to a seat and outlives its threads, so that resizing resets nothing that is
// owed. While Low and Normal are capped, the position of `background` does not move: a guaranteed
// slot that comes up then is kept (one at most) and served first when the cap frees.
#ifndef TASKFORGE_POOL_SLOT_TABLE_H_
#define TASKFORGE_POOL_SLOT_TABLE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "pool/options.h"
#include "task/priority.h"

namespace taskforge {

// Where the guaranteed slots lie; one for all seats.
// REQUIRES: the weights are valid (PoolOptions::Validate). Thread-safe: constant.
class SlotLayout {
 public:
  explicit SlotLayout(const SlotWeights& weights);

  uint32_t slots() const { return static_cast<uint32_t>(background_.size()); }
  // g_k.
  uint32_t guaranteed(Priority priority) const { return guaranteed_[priority]; }
  // Low, Normal or none.
  std::optional<Priority> background(uint32_t position) const { return background_[position]; }
  bool high(uint32_t position) const { return high_[position]; }

  // W · (n / g_k + M), rounded up: a task starts at the latest with the dispatch after so many.
  uint64_t Bound(Priority priority, uint64_t ahead, uint64_t seats) const;

 private:
  std::vector<std::optional<Priority>> background_;
  std::vector<bool> high_;
  PerPriority<uint32_t> guaranteed_;
};

// The walk of one seat. Not thread-safe; belongs to the thread that sits on the seat.
class SlotTable {
 public:
  // `rotation` staggers the seats, so that they do not all serve Low at the same time.
  SlotTable(const SlotLayout& layout, uint32_t rotation)
      : layout_(&layout), background_(rotation % layout.slots()), high_(background_) {}

  // The priority that the next dispatch serves if it has work. None, or it has none: the most
  // urgent that has.
  std::optional<Priority> Due(bool background_capped) const;

  // Walks on after a dispatch. REQUIRES: `background_capped` is what Due() was last asked with.
  void Dispatched(bool background_capped);

 private:
  const SlotLayout* layout_;
  uint32_t background_;
  uint32_t high_;
  bool high_owed_ = false;
};

}  // namespace taskforge

#endif  // TASKFORGE_POOL_SLOT_TABLE_H_

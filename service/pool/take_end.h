// Everything that taking a piece of work changes, on one cache line.
#ifndef TASKFORGE_POOL_TAKE_END_H_
#define TASKFORGE_POOL_TAKE_END_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "pool/running_cap.h"
#include "task/priority.h"

namespace taskforge {

// A line that another core wrote last takes longer to come (some 160 ns) than everything else that
// a dispatch does. Workers write these words at each dispatch and submitters none of them, so a
// dispatch costs one such wait at the most. Thread-safe.
struct alignas(64) TakeEnd {
  // Whatever was taken out until now, dispatched or not.
  uint64_t TakenOut() const {
    uint64_t sum = 0;
    for (const std::atomic<size_t>& head : heads) sum += head.load();
    return sum;
  }
  struct Dispatches {
    uint64_t all = 0;        // What was handed back and what turned out to be cancelled is none.
    uint64_t below_cap = 0;  // Those of them that were made while Low and Normal were so.
  };
  // Until now. Again if others dispatched meanwhile, else it would subtract what it did not count.
  // The heads last: what is to be subtracted has been taken out before it is counted, and what
  // turns out to be cancelled is one less at the cap before it is one more that was not dispatched.
  // So no difference is ever negative.
  Dispatches Count() const {
    for (;;) {
      const uint64_t not_any = not_dispatched.load();
      const uint64_t at_cap = dispatches_at_cap.load();
      const uint64_t all = TakenOut() - not_any;
      if (not_dispatched.load() == not_any && dispatches_at_cap.load() == at_cap) {
        return {all, all - at_cap};
      }
    }
  }
  uint64_t AllDispatches() const { return Count().all; }
  uint64_t DispatchesBelowCap() const { return Count().below_cap; }

  // Heads of the rings (sync/mpmc_ring.h): the next position to take from.
  PerPriority<std::atomic<size_t>> heads{};
  // Of what was or is about to be taken out, what had no place under the capacity.
  std::atomic<size_t> placeless{0};
  std::atomic<uint64_t> not_dispatched{0};
  std::atomic<uint64_t> dispatches_at_cap{0};
  RunningCap cap;
};
static_assert(sizeof(TakeEnd) == 64);

}  // namespace taskforge

#endif  // TASKFORGE_POOL_TAKE_END_H_

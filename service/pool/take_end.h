// Everything that taking a piece of work changes, on one cache line.
#ifndef TASKFORGE_POOL_TAKE_END_H_
#define TASKFORGE_POOL_TAKE_END_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "pool/running_cap.h"
#include "task/priority.h"

namespace taskforge {

// A line that another core wrote last takes longer to come (some 100 ns) than everything else that
// a dispatch does. Workers write these words at each dispatch and submitters none of them, so a
// dispatch costs one such wait at the most. Thread-safe.
struct alignas(64) TakeEnd {
  // Whatever was taken out until now, dispatched or not.
  uint64_t TakenOut() const {
    uint64_t sum = 0;
    for (const std::atomic<size_t>& head : heads.values_) sum += head.load();
    return sum;
  }
  // Dispatches until now; what was handed back and what turned out to be cancelled is none.
  uint64_t AllDispatches() const { return TakenOut() - not_dispatched.load(); }
  // Those of them that were made while Low and Normal were below their cap.
  uint64_t DispatchesBelowCap() const { return AllDispatches() - dispatches_at_cap.load(); }

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

// Everything that taking a piece of work changes, on one cache line.
#ifndef TASKFORGE_POOL_TAKE_END_H_
#define TASKFORGE_POOL_TAKE_END_H_

#include <array>
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
  // Heads of the rings (sync/mpmc_ring.h): the next position to take from.
  PerPriority<std::atomic<size_t>> heads{};
  // Places under the capacity that were given back.
  std::atomic<size_t> places_out{0};
  // Dispatches [0] while Low and Normal were below their cap, [1] while they were at it.
  std::array<std::atomic<uint64_t>, 2> dispatches{};
  RunningCap cap;
};
static_assert(sizeof(TakeEnd) == 64);

}  // namespace taskforge

#endif  // TASKFORGE_POOL_TAKE_END_H_

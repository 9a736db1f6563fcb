// What the pool tells about itself: plain values, taken at one time.
#ifndef TASKFORGE_POOL_STATS_H_
#define TASKFORGE_POOL_STATS_H_

#include <cstdint>
#include <vector>

#include "base/histogram.h"
#include "pool/controller.h"
#include "pool/core.h"
#include "pool/resize_log.h"
#include "pool/seat.h"
#include "task/priority.h"

namespace taskforge {

struct PoolThreadStats {
  int seat = 0;
  int tid = 0;
  ThreadState state = ThreadState::kIdle;
  MonoTime since;                         // When the state began.
  Priority priority = Priority::kNormal;  // Of what runs, if it does.
  uint64_t dispatches = 0;                // Of the seat.
  // Where the kernel lets it run; empty: everywhere that the process may.
  std::vector<int> cpus;
};

// At any moment queued + running + completed + cancelled + returned = submitted.
struct PoolPriorityStats {
  uint64_t submitted = 0;  // Accepted.
  uint64_t refused = 0;    // No place.
  uint64_t queued = 0;     // Accepted and not yet taken by a worker.
  uint64_t running = 0;
  uint64_t completed = 0;
  uint64_t cancelled = 0;         // Found to be cancelled when a worker took it.
  uint64_t returned = 0;          // Handed back by a drain.
  uint32_t guaranteed_slots = 0;  // g of the waiting bound.
  HistogramSnapshot waits;
  HistogramSnapshot runs;
};

struct PoolStats {
  MonoTime now;
  PoolSettings settings;
  int cpus = 1;
  uint32_t slots = 0;  // W of the waiting bound.
  uint32_t seats = 0;  // M of the waiting bound: seats that may have dispatched so far.

  int threads = 0;  // Abandoned ones excepted.
  int busy = 0;     // Blocked ones included.
  int idle = 0;
  int blocked = 0;
  int abandoned = 0;
  int target = 0;
  int peak = 0;
  bool overloaded = false;
  bool draining = false;

  PerPriority<PoolPriorityStats> priorities;
  uint64_t submitted = 0;
  uint64_t queued = 0;
  uint64_t running = 0;
  uint64_t completed = 0;
  uint64_t dispatches = 0;
  uint64_t capped_dispatches = 0;  // Of those, made while Low and Normal were at their cap.
  uint64_t exceptions = 0;
  double busy_seconds = 0;
  uint64_t wakeups = 0;  // Futex calls that woke a worker.
  uint64_t parks = 0;
  uint64_t thread_creation_failures = 0;
  uint64_t affinity_failures = 0;  // Threads that are not where their seat belongs.
  ResizeLog::Counts resizes;

  std::vector<PoolThreadStats> thread_list;  // By seat.
};

// Reads the counters, and asks the kernel where each thread may run; about 5 µs a seat.
PoolStats CollectStats(const PoolCore& core, const Controller& controller);

}  // namespace taskforge

#endif  // TASKFORGE_POOL_STATS_H_

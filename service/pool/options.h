// What an operator can choose about the pool.
#ifndef TASKFORGE_POOL_OPTIONS_H_
#define TASKFORGE_POOL_OPTIONS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "task/priority.h"

namespace taskforge {

// How the slot tables are filled; see slot_table.h for what it promises. The slots that are not
// guaranteed serve the most urgent work. More guaranteed slots: a tighter bound for that priority,
// longer waits above it.
struct SlotWeights {
  uint32_t slots = 32;  // W: 8 to 1024.
  uint32_t low = 1;
  uint32_t normal = 3;  // low + normal at most slots / 4.
  uint32_t high = 6;    // 2 to slots / 4.
};

// Places under the capacity that are kept for work of one priority and above (trunk reservation).
struct ReservedCapacity {
  size_t critical = 0;
  size_t high = 0;
  size_t normal = 0;

  // Kept for `priority` itself; Low has none.
  size_t Of(Priority priority) const {
    constexpr std::array kFields = {&ReservedCapacity::normal, &ReservedCapacity::high,
                                    &ReservedCapacity::critical};
    return priority == Priority::kLow ? 0 : this->*kFields[Index(priority) - 1];
  }
  // How much of `capacity` work of `priority` may find taken when it comes: what is kept for more
  // urgent work is not for it. REQUIRES: together they are at most `capacity`.
  size_t LimitOf(Priority priority, size_t capacity) const {
    for (size_t i = Index(priority) + 1; i < kPriorityCount; ++i) capacity -= Of(kPriorities[i]);
    return capacity;
  }
  bool operator==(const ReservedCapacity&) const = default;
};

enum class AffinityMode {
  kNone,      // Wherever the process may run.
  kCompact,   // One processor a thread, neighbours first: threads share caches.
  kSpread,    // One processor a thread, different cores first: threads have caches of their own.
  kExplicit,  // `AffinityOptions::masks`, one a seat, round robin.
};

struct AffinityOptions {
  AffinityMode mode = AffinityMode::kNone;
  std::vector<std::vector<int>> masks;  // For kExplicit: each a list of processors.
};

// Constants of the scaling policy; see scaling_policy.h.
struct ScalingOptions {
  // How often the controller looks while work waits; what runs while nothing waits needs no look.
  // 1 ms to 1 s.
  absl::Duration tick = absl::Milliseconds(10);
  // How long work must wait without a dispatch before a thread is added for it. Up to 10 s.
  absl::Duration queue_wait = absl::Milliseconds(20);
  // Work waits and nothing was dispatched for so long: something is stuck; grow. 10 ms to 1 min.
  absl::Duration stall_timeout = absl::Milliseconds(500);
  // Least time between growing and shrinking. Up to 1 min.
  absl::Duration flip_hold = absl::Seconds(1);
  // The share of its runnable time that a running thread waits for a processor above which the
  // processors count as overloaded, and then more threads do not help. In (0, 1].
  double contention_limit = 0.5;
  // How long an idle thread looks for work before it sleeps, while work lately came sooner than
  // that; between its looks it lets others have the processor. Up to 1 ms; 0: it sleeps at once.
  absl::Duration spin = absl::Microseconds(50);
};

struct PoolOptions {
  // Processors that the process may use (base/cpu_budget.h) at the start. At least 1.
  int cpus = 1;
  // Threads that there always are. 1 to max_threads.
  int min_threads = 2;
  // Threads that there may be, at most kMaxThreads. 0: max(16, 4 × cpus), see MaxThreads().
  int max_threads = 0;
  // How long a thread beyond min_threads may have nothing to do. Longer: fewer starts of threads;
  // shorter: less memory. 1 ms to 1 h.
  absl::Duration idle_timeout = absl::Seconds(60);
  // Places for work that is submitted directly (TrySubmit) and waits, over all priorities together;
  // beyond it, submissions are refused. 1 to 2^20; while the pool runs at most CapacityLimit().
  size_t capacity = 4096;
  // Of these, places that only urgent work may use; all together fewer than `capacity`. More: less
  // that bursts of other work can take from it, and less for these.
  ReservedCapacity reserved_capacity;
  // To what `capacity` can be raised while the pool runs. Costs 64 bytes a place. At most 2^20.
  // 0: max(16384, capacity), see CapacityLimit().
  size_t capacity_limit = 0;
  // Whether the pool may grow beyond min_threads.
  bool allow_growth = true;
  // For work that names no priority; the pool itself keeps it only for those who ask.
  Priority default_priority = Priority::kNormal;
  // How many nodes may be submitted with SubmitReserved() and not have started. Up to 2^20.
  size_t reserved_nodes = 4096;
  // Resizes that are remembered. 1 to 100000.
  size_t resize_history = 1000;

  SlotWeights weights;
  AffinityOptions affinity;
  ScalingOptions scaling;

  static constexpr int kMaxThreads = 1024;

  // max_threads, or what stands for 0.
  int MaxThreads() const;
  // capacity_limit, or what stands for 0.
  size_t CapacityLimit() const;
  // INVALID_ARGUMENT with every violation at once (base/error.h), fields named as the configuration
  // names them: `pool.grow_after`.
  absl::Status Validate() const;
};

}  // namespace taskforge

#endif  // TASKFORGE_POOL_OPTIONS_H_

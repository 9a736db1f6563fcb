// Where the threads of the seats belong, and that they are there.
#ifndef TASKFORGE_POOL_SEAT_AFFINITY_H_
#define TASKFORGE_POOL_SEAT_AFFINITY_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "pool/affinity.h"
#include "pool/core.h"
#include "pool/options.h"

namespace taskforge {

// A seat belongs where the pool's options say, until somebody says something else. Thread-safe.
class SeatAffinity {
 public:
  // Told of the first thread that could not be put where its seat belongs, on that thread.
  using FailureListener = std::function<void(uint32_t seat, const absl::Status& why)>;

  // `core` outlives it. `on_failure` may be empty.
  SeatAffinity(const AffinityOptions& options, const PoolCore& core, FailureListener on_failure);

  // From now on the thread of `seat`, the present one and those that come, runs on `cpus` only; on
  // all if empty. Of two callers the later one's holds. REQUIRES: seat < WakeList::kMaxSeats.
  // INVALID_ARGUMENT, field `cpus`: these cannot be used; nothing has changed then.
  absl::Status Set(uint32_t seat, const std::vector<int>& cpus) ABSL_LOCKS_EXCLUDED(mu_);
  // Where the seat belongs; empty: everywhere.
  std::vector<int> Of(uint32_t seat) const ABSL_LOCKS_EXCLUDED(mu_);
  // Puts the calling thread where its seat belongs. REQUIRES: the seat has been told its id.
  void ApplyToThisThread(uint32_t seat) ABSL_LOCKS_EXCLUDED(mu_);

  // Threads that are not where their seat belongs.
  uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }

 private:
  std::vector<int> KeptFor(uint32_t seat) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  const AffinityPlan plan_;
  const PoolCore& core_;
  const FailureListener on_failure_;

  std::atomic<uint64_t> failures_{0};  // Synchronizes itself.

  // Where threads run follows what is kept, under the lock.
  mutable Mutex mu_;
  std::vector<std::optional<std::vector<int>>> kept_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_POOL_SEAT_AFFINITY_H_

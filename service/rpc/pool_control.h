// What PoolService needs of the pool. adapters.h joins it.
#ifndef TASKFORGE_RPC_POOL_CONTROL_H_
#define TASKFORGE_RPC_POOL_CONTROL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "pool/resize_log.h"
#include "pool/stats.h"
#include "pool/thread_pool.h"

namespace taskforge {

// The pool, and what waits for it elsewhere.
struct PoolView {
  PoolStats stats;
  PerPriority<uint64_t> waiting_in_queues;  // Tasks that the pool has not seen yet.
  double cpu_limit_cores = 0;
  absl::Time now;  // Of stats.now.
};

// Thread-safe.
class PoolControl {
 public:
  virtual ~PoolControl() = default;
  virtual PoolView View() const = 0;
  // INVALID_ARGUMENT with all violations, fields named `pool.<name>`; then nothing has changed.
  virtual absl::Status Update(const PoolUpdate& update) = 0;
  // INVALID_ARGUMENT, field `seat` or `cpus`; then nothing has changed.
  virtual absl::Status SetThreadAffinity(int seat, const std::vector<int>& cpus) = 0;
  // The last `count`, newest first, with numbers below `before` (0: all).
  virtual std::vector<ResizeEvent> Resizes(size_t count, uint64_t before) const = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_RPC_POOL_CONTROL_H_

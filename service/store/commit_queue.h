// Where writes wait for the thread that commits: each commit takes a batch.
#ifndef TASKFORGE_STORE_COMMIT_QUEUE_H_
#define TASKFORGE_STORE_COMMIT_QUEUE_H_

#include <cstddef>
#include <deque>
#include <vector>

#include "absl/types/span.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "store/store_op.h"

namespace taskforge {

// In order among appends and among all others, which come first but leave appends their half of a
// batch: results free places and are waited for, and they are bounded by the tasks that there are.
// Thread-safe.
class CommitQueue {
 public:
  // Of one batch.
  struct Limits {
    size_t ops = 1'000;
    size_t bytes = size_t{512} << 10;  // A greater op comes alone.
  };

  explicit CommitQueue(Limits limits) : limits_(limits) {}

  // Moves them in. False, and nothing was taken: it was stopped.
  bool Push(absl::Span<StoreOp> ops) ABSL_LOCKS_EXCLUDED(mu_);
  // The next batch; waits while there is nothing. Empty: `deadline` has passed, or it was stopped
  // and all was taken.
  std::vector<StoreOp> Take(MonoTime deadline) ABSL_LOCKS_EXCLUDED(mu_);
  // Nothing more comes in; what is there can still be taken.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);
  bool is_drained() const ABSL_LOCKS_EXCLUDED(mu_);
  // That wait now.
  size_t size() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Moves ops of `from` into `batch` while it is within the limits.
  static void Move(std::deque<StoreOp>& from, size_t max_ops, size_t max_bytes,
                   std::vector<StoreOp>& batch, size_t& bytes);

  const Limits limits_;
  mutable Mutex mu_;
  CondVar arrived_;
  std::deque<StoreOp> appends_ ABSL_GUARDED_BY(mu_);
  std::deque<StoreOp> others_ ABSL_GUARDED_BY(mu_);
  bool is_waited_for_ ABSL_GUARDED_BY(mu_) = false;
  bool is_stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_COMMIT_QUEUE_H_

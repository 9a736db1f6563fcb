// The limits of one queue, and what of them is taken.
#ifndef TASKFORGE_QUEUES_QUEUE_LEDGER_H_
#define TASKFORGE_QUEUES_QUEUE_LEDGER_H_

#include <atomic>
#include <cstddef>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/sharded_counter.h"
#include "queues/drain_rate.h"
#include "queues/task_queues.h"

namespace taskforge {

// Counts in two atomic words; a refusal takes a lock. Thread-safe.
class QueueLedger {
 public:
  explicit QueueLedger(QueueOptions options) : options_(std::move(options)) {}

  const QueueOptions& options() const { return options_; }
  size_t tasks() const { return tasks_.load(std::memory_order_relaxed); }
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  // Takes a place, or returns why there is none. Submissions that race at the edge may all be
  // refused where one would have fitted; the limits are never exceeded by an admitted task.
  absl::Status Take(size_t bytes, const Clock& clock) ABSL_LOCKS_EXCLUDED(mu_);
  // Takes one beyond the limits, if need be.
  void TakeAnyway(size_t bytes) {
    tasks_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }
  void GiveBack(size_t bytes);

 private:
  absl::Status TasksFull(MonoTime now) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status BytesFull(size_t bytes, MonoTime now) ABSL_LOCKS_EXCLUDED(mu_);

  const QueueOptions options_;
  // Relaxed, all: counters, each stands alone. A line apart from what is only read.
  alignas(64) std::atomic<size_t> tasks_{0};
  std::atomic<size_t> bytes_{0};
  ShardedCounter given_back_tasks_;
  ShardedCounter given_back_bytes_;

  Mutex mu_;
  DrainRate task_rate_ ABSL_GUARDED_BY(mu_);
  DrainRate byte_rate_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_QUEUES_QUEUE_LEDGER_H_

// The limits of one queue, and what of them is taken.
#ifndef TASKFORGE_QUEUES_QUEUE_LEDGER_H_
#define TASKFORGE_QUEUES_QUEUE_LEDGER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/ref.h"
#include "base/sharded_counter.h"
#include "base/shared_text.h"
#include "queues/drain_rate.h"
#include "queues/queue_options.h"
#include "sync/epoch.h"
#include "sync/epoch_pointer.h"
#include "task/priority.h"

namespace taskforge {

// Shared by the queue and the submissions that were made while it was in force.
struct SharedTaskDefaults final : RefCounted<SharedTaskDefaults> {
  explicit SharedTaskDefaults(const QueueTaskDefaults& given) : values(given) {}
  const QueueTaskDefaults values;
};

// Counts in two atomic words; a refusal takes a lock, and so does a change of the settings.
// Thread-safe.
class QueueLedger {
 public:
  // `index` is the queue's place in what is kept by queue. `number` counts the queues as they were
  // made. `epochs` must outlive it: the readers of task_defaults() are inside its guards.
  QueueLedger(QueueOptions options, size_t index, uint64_t number, EpochDomain& epochs);
  ~QueueLedger();
  QueueLedger(const QueueLedger&) = delete;
  QueueLedger& operator=(const QueueLedger&) = delete;

  // Constant after construction.
  const SharedText& name() const { return name_; }
  size_t index() const { return index_; }
  uint64_t number() const { return number_; }

  QueueOptions options() const ABSL_LOCKS_EXCLUDED(mu_);
  // The default for its tasks that ask for no priority.
  std::optional<Priority> default_priority() const;
  // Null: its tasks get nothing from it that they leave open.
  // REQUIRES: the caller is inside a guard of `epochs`.
  Ref<const SharedTaskDefaults> task_defaults() const {
    return Ref<const SharedTaskDefaults>(task_defaults_.Get());
  }
  size_t tasks() const;
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  // Takes a place, or returns why there is none. Submissions that race at the edge may all be
  // refused where one would have fitted; the limits are never exceeded by an admitted task.
  // Nothing: the queue is closed.
  std::optional<absl::Status> Take(size_t bytes, const Clock& clock) ABSL_LOCKS_EXCLUDED(mu_);
  // Takes one beyond the limits, if need be.
  void TakeAnyway(size_t bytes) {
    tasks_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }
  // Touches nothing of the ledger once the place is given back: then it may go.
  void GiveBack(size_t bytes);

  // `change(QueueOptions&)` must be short and leave the name alone. A limit below what is taken
  // refuses until enough has come back.
  template <typename Function>
  void Change(Function change) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    change(options_);
    Apply();
  }
  // From now on no place is taken any more. False while any is, or is just being tried for.
  bool Close();

 private:
  // Far above every limit: what is counted on top of it is refused.
  static constexpr size_t kClosed = size_t{1} << 62;
  static constexpr int kNoPriority = -1;

  void Apply() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status TasksFull(MonoTime now) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status BytesFull(size_t bytes, MonoTime now) ABSL_LOCKS_EXCLUDED(mu_);

  const SharedText name_;
  const size_t index_;
  const uint64_t number_;

  // What of options_ each task needs. Relaxed: each stands alone.
  std::atomic<size_t> max_tasks_{0};
  std::atomic<size_t> max_bytes_{0};
  std::atomic<int> default_priority_{kNoPriority};
  EpochDomain& epochs_;
  EpochPointer<const SharedTaskDefaults> task_defaults_{nullptr};

  // Relaxed, but where Close() is concerned: counters, each stands alone. A line apart from what is
  // only read.
  alignas(64) std::atomic<size_t> tasks_{0};
  std::atomic<size_t> bytes_{0};
  ShardedCounter given_back_tasks_;
  ShardedCounter given_back_bytes_;

  mutable Mutex mu_;
  QueueOptions options_ ABSL_GUARDED_BY(mu_);
  DrainRate task_rate_ ABSL_GUARDED_BY(mu_);
  DrainRate byte_rate_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_QUEUES_QUEUE_LEDGER_H_

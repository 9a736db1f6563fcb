// One connected worker: its credit, its assignments and its lease.
#ifndef TASKFORGE_HANDLERS_CONNECTED_WORKER_H_
#define TASKFORGE_HANDLERS_CONNECTED_WORKER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/mutex.h"
#include "base/sharded_counter.h"
#include "handlers/worker_hub.h"

namespace taskforge {

// What all connected workers of a hub share. Thread-safe.
struct WorkerContext {
  const WorkerHubOptions options;
  const uint64_t boot_epoch;
  const WorkerHub::Parts parts;
  // Gives waiting tasks to whoever has credit. Called without a lock held.
  std::function<void()> give_work;

  ShardedCounter assigned;
  ShardedCounter finished;
  ShardedCounter refused;
  ShardedCounter lost;
  ShardedCounter lease_expirations;
};

// The lease is one for all assignments: any sign of life keeps it. When it is over, the assignments
// are taken back and the worker gets nothing until it is heard again. Thread-safe.
class ConnectedWorker final : public std::enable_shared_from_this<ConnectedWorker> {
 public:
  static constexpr uint64_t kMaxCredit = 65536;

  // `handlers` are the entries of hello.handlers.
  ConnectedWorker(std::shared_ptr<WorkerContext> context, WorkerHello hello,
                  std::vector<HandlerRef> handlers, std::shared_ptr<WorkerOutput> output);

  // Starts the lease. Called once, first.
  void Open() ABSL_LOCKS_EXCLUDED(mu_);
  // Takes back what it has. Returns whether this call closed it.
  bool Close() ABSL_LOCKS_EXCLUDED(mu_);

  absl::Status AddCredit(uint32_t n) ABSL_LOCKS_EXCLUDED(mu_);
  bool Result(const Fence& fence, HandlerResult result) ABSL_LOCKS_EXCLUDED(mu_);
  void Heartbeat() { Touch(); }
  void ReportProgress(const Fence& fence, Progress progress) ABSL_LOCKS_EXCLUDED(mu_);
  void Drain() ABSL_LOCKS_EXCLUDED(mu_);

  // Claims tasks within its credit and assigns them; returns how many were claimed. One thread at a
  // time.
  size_t TakeWork() ABSL_LOCKS_EXCLUDED(mu_);
  void TellDraining() { output_->Draining(); }

  const std::string& name() const { return name_; }
  bool is_silent() const ABSL_LOCKS_EXCLUDED(mu_);
  WorkerStatus status() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Assignment {
    uint64_t order;  // In which it was assigned.
    Attempt attempt;
    Completion done;
  };
  // A task whose attempt timed out may come again before the worker has answered for the first.
  using Key = std::pair<std::string, int>;

  // Counts this worker for (or away from) its handlers and tells the source who is served.
  void CountForHandlers(int change);
  void Touch() ABSL_LOCKS_EXCLUDED(mu_);
  void ScheduleLease(MonoTime when) ABSL_LOCKS_EXCLUDED(mu_);
  void CheckLease() ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<Assignment> TakeAssignments() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Lose(std::vector<Assignment> assignments, absl::string_view why) ABSL_LOCKS_EXCLUDED(mu_);
  size_t ReserveCredit() ABSL_LOCKS_EXCLUDED(mu_);
  bool Keep(RemoteAttempt& remote) ABSL_LOCKS_EXCLUDED(mu_);
  void Send(std::vector<Attempt> attempts);

  // Constant after construction.
  const std::shared_ptr<WorkerContext> context_;
  const WorkerHello hello_;
  const std::string name_;
  const std::vector<HandlerRef> handlers_;
  const std::shared_ptr<WorkerOutput> output_;
  const absl::Time connect_time_;

  mutable Mutex mu_;
  uint64_t credit_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<Key, Assignment> assignments_ ABSL_GUARDED_BY(mu_);
  uint64_t last_order_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t finished_ ABSL_GUARDED_BY(mu_) = 0;
  MonoTime heard_ ABSL_GUARDED_BY(mu_);
  TimerId lease_timer_ ABSL_GUARDED_BY(mu_) = 0;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  bool silent_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace taskforge

#endif  // TASKFORGE_HANDLERS_CONNECTED_WORKER_H_

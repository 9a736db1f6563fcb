// The thread that watches the pool, starts threads and retires them.
#ifndef TASKFORGE_POOL_CONTROLLER_H_
#define TASKFORGE_POOL_CONTROLLER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "pool/core.h"
#include "pool/cpu_usage.h"
#include "pool/options.h"
#include "pool/resize_log.h"
#include "pool/scaling_policy.h"
#include "pool/seat_affinity.h"

namespace taskforge {

// Starts a thread with `body`; throws std::system_error if it cannot. Injected for tests.
using ThreadStarter = std::function<std::thread(std::function<void()> body)>;

// Optional parts, and who is told; empty functions mean the default.
struct PoolHooks {
  ThreadStarter start_thread;  // std::thread.
  ResizeListener on_resize;    // Nobody.
  // Processors that may be used now, at least 1; asked whenever the controller looks, on its
  // thread, so it must be cheap. PoolOptions::cpus.
  std::function<int()> read_cpus;
  SeatAffinity::FailureListener on_affinity_failure;  // Nobody.
};

// What may change while the pool runs.
struct PoolSettings {
  int min_threads = 1;
  int max_threads = 1;
  absl::Duration idle_timeout;
  bool allow_growth = true;
  Priority default_priority = Priority::kNormal;
  size_t capacity = 1;
  ReservedCapacity reserved_capacity;

  bool operator==(const PoolSettings&) const = default;
};

// Looks every tick while work waits, when idle threads may have to go, and when it is kicked;
// sleeps otherwise, without any periodic wake-up. Thread-safe.
class Controller {
 public:
  // `core` outlives the controller.
  Controller(const PoolOptions& options, PoolCore& core, PoolHooks hooks);
  ~Controller();

  // Starts the least number of threads, then the controller. RESOURCE_EXHAUSTED: not even one
  // thread could be started. If some could, the rest is tried again later. Call it once.
  absl::Status Start();
  // Ends all threads after what they run, and joins them. Idempotent.
  void Stop();

  // False: they are not `before` any more, and nothing has changed.
  bool ReplaceSettings(const PoolSettings& before, const PoolSettings& after)
      ABSL_LOCKS_EXCLUDED(mu_);
  PoolSettings settings() const ABSL_LOCKS_EXCLUDED(mu_);
  // As ThreadPool::SetThreadAffinity.
  absl::Status SetAffinity(int seat, const std::vector<int>& cpus) ABSL_LOCKS_EXCLUDED(mu_);
  const SeatAffinity& affinity() const { return affinity_; }

  int cpus() const { return cpus_.load(std::memory_order_relaxed); }
  int target() const { return target_.load(std::memory_order_relaxed); }
  int peak_threads() const { return peak_.load(std::memory_order_relaxed); }
  bool overloaded() const { return overloaded_.load(std::memory_order_relaxed); }
  uint64_t creation_failures() const { return failures_.load(std::memory_order_relaxed); }
  const ResizeLog& resizes() const { return resizes_; }

 private:
  // What it remembers of a seat between two ticks. Used by the controller's thread alone.
  struct Watch {
    std::thread thread;
    CpuUsage usage;
    int tid = 0;         // Of the thread that `usage` follows.
    uint64_t parks = 0;  // Of the seat, when the window began: it was busy all the time since.
    bool is_abandoned = false;  // It counts no more among the threads.
  };

  void Loop();
  // Looks and acts; returns when to look next, at the latest.
  MonoTime Tick();
  // Counts threads that were abandoned since the last look out, gives back what they held, and
  // joins those that have left.
  void SettleAbandoned();
  PoolSnapshot Look(MonoTime now, const PoolSettings& settings);
  void LookAtThreads(MonoTime now, const PoolSettings& settings, PoolSnapshot& snapshot);
  void LookAtUsage(MonoTime now, const Seat& seat, Watch& watch, CpuShares& sum, int& measured);
  void LookAtWork(MonoTime now, PoolSnapshot& snapshot);
  void Act(MonoTime now, const PoolSettings& settings, const ScalingAction& action);
  // When an idle thread that is too many will have been idle for long enough.
  MonoTime NextExpiry(MonoTime now, const PoolSettings& settings) const;

  // INVALID_ARGUMENT, field `seat`: no thread can sit there.
  absl::Status CheckSeat(int seat) const ABSL_LOCKS_EXCLUDED(mu_);
  // Each returns by how many threads the number changed.
  int StartThreads(int count, MonoTime now);
  int RetireThreads(int count, MonoTime idle_since_at_least);
  bool StartThread(uint32_t index);
  void JoinThread(uint32_t index);
  void RunThread(Seat& seat);

  // Constant after construction.
  const ScalingOptions scaling_;
  const PoolHooks hooks_;
  PoolCore& core_;

  // Synchronize themselves.
  SeatAffinity affinity_;
  ResizeLog resizes_;
  std::atomic<int> cpus_;
  std::atomic<int> target_{0};
  std::atomic<int> peak_{0};
  std::atomic<bool> overloaded_{false};
  std::atomic<uint64_t> failures_{0};

  // Guarded by mu_. The capacity in force follows them under it.
  mutable Mutex mu_;
  PoolSettings settings_ ABSL_GUARDED_BY(mu_);

  // Used by the controller's thread alone; by Start() before it runs, by Stop() after.
  std::vector<std::unique_ptr<Watch>> watches_;
  int threads_ = 0;             // Abandoned ones excepted.
  uint32_t seen_abandons_ = 0;  // PoolCore::abandon_sequence.
  int unreplaced_ = 0;          // Threads that were abandoned, less those that started since.
  std::optional<MonoTime> last_growth_;
  std::optional<MonoTime> last_shrink_;
  std::optional<MonoTime> pressure_since_;
  MonoTime last_dispatch_;  // When it last saw the number of dispatches change, or no work wait.
  uint64_t seen_dispatches_ = 0;
  MonoTime retry_start_at_;  // Not before this, after a thread could not be started.
  absl::Duration start_backoff_;

  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace taskforge

#endif  // TASKFORGE_POOL_CONTROLLER_H_

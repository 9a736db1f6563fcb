// The adaptive thread pool: runs submitted work, the most urgent first, and nobody waits for ever.
//
// Four priorities with a proved bound on waiting (slot_table.h), a number of threads that follows
// the work (scaling_policy.h), a hard capacity, and a wake protocol without lost wake-ups and
// without herds (wake_list.h). Submitting takes no lock, allocates nothing and starts no thread.
#ifndef TASKFORGE_POOL_THREAD_POOL_H_
#define TASKFORGE_POOL_THREAD_POOL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "pool/controller.h"
#include "pool/core.h"
#include "pool/options.h"
#include "pool/refiller.h"
#include "pool/resize_log.h"
#include "pool/stats.h"
#include "task/thread_owner.h"
#include "task/work.h"

namespace taskforge {

// A change of settings: what is set is changed.
struct PoolUpdate {
  std::optional<int> min_threads;
  std::optional<int> max_threads;
  std::optional<absl::Duration> idle_timeout;
  std::optional<bool> allow_growth;
  std::optional<Priority> default_priority;
  std::optional<size_t> capacity;
  PerPriority<std::optional<size_t>> reserved_capacity;  // Low has none.
};

struct DrainReport {
  bool complete = false;  // Everything that was accepted has been run.
  size_t returned = 0;    // Handed back.
  size_t still_running = 0;
};

// Work must stay valid until its `run` has been called, or until it has been handed back by Drain()
// or Stop(). Thread-safe, but for SetRefiller, Start and Stop: those are for the owner.
class ThreadPool final : public ThreadOwner {
 public:
  using GiveBack = std::function<void(Work&)>;

  // REQUIRES: `options` are valid. `clock` outlives the pool, and its monotonic time is
  // CLOCK_MONOTONIC: the pool sleeps until points of it.
  ThreadPool(const PoolOptions& options, const Clock& clock, PoolHooks hooks = {});
  // Stop(), if that was not called.
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Where more work comes from. Call it before Start(); `refiller` outlives the pool's threads.
  void SetRefiller(Refiller* refiller) { core_.refiller = refiller; }
  // Work that was submitted before waits until then. RESOURCE_EXHAUSTED: no threads.
  absl::Status Start() { return controller_.Start(); }
  // Lets what runs finish (abandoned work too), joins the threads and hands what waits to
  // `give_back` (empty: drops it). Idempotent. Afterwards nothing may be submitted. REQUIRES: not
  // called by a worker.
  void Stop(const GiveBack& give_back = {});

  // RESOURCE_EXHAUSTED, reason POOL_FULL: no place for its priority; UNAVAILABLE, POOL_DRAINING:
  // not any more.
  absl::Status TrySubmit(Work& work) { return core_.TrySubmit(work); }
  // The same for many, with one wake-up for all: takes them in their order until one is refused,
  // and returns how many it took; `why` is the refusal, else OK.
  size_t TrySubmitMany(absl::Span<Work* const> batch, absl::Status& why) {
    return core_.TrySubmitMany(batch, why);
  }
  // The same, but waits for a place until `deadline`: DEADLINE_EXCEEDED, POOL_FULL.
  // FAILED_PRECONDITION: called by a worker of this pool, which could wait for itself.
  absl::Status SubmitWait(Work& work, MonoTime deadline) {
    return core_.SubmitWait(work, deadline);
  }
  // For the queues: a shallow layer beside the capacity, twice the threads for each priority.
  // False: it is full; Refill() will be called. Taken during a drain too: it was accepted before.
  bool TryRelease(Work& work) { return core_.TryRelease(work); }
  // For preallocated nodes, outside the capacity; never refused, first in, first out with the rest
  // of its priority. REQUIRES: at most PoolOptions::reserved_nodes of them wait at once.
  void SubmitReserved(Work& work) { core_.SubmitReserved(work); }
  // Released work of `priority` that waits here.
  size_t Released(Priority priority) const { return core_.rings.released(priority); }

  // How much released work of each priority may wait here: twice the threads.
  size_t ReleaseLimit() const { return core_.rings.released_limit(); }

  // Dispatches until now; those of them that count for a priority in the waiting bound
  // (slot_table.h), against which Dispatch::counted of later work can be held.
  uint64_t DispatchCount() const { return core_.AllDispatches(); }
  uint64_t CountedDispatches(Priority priority) const { return core_.CountedDispatches(priority); }
  // Seats that may have dispatched until now: M of the waiting bound.
  uint32_t Seats() const { return core_.seat_count(); }
  // W · (n / g + M): see slot_table.h.
  uint64_t StarvationBound(Priority priority, uint64_t ahead) const {
    return core_.layout.Bound(priority, ahead, core_.seat_count());
  }

  // Refuses new work from outside, still takes what running work submits and what is released, and
  // waits until all is done or until `deadline`; then what waits is handed to `give_back`, and
  // nothing is taken any more but reserved nodes. What runs, runs on; a submission that raced with
  // the deadline is run, or handed back by Stop(). REQUIRES: not called by a worker.
  DrainReport Drain(MonoTime deadline, const GiveBack& give_back);

  // Changes settings, or nothing: INVALID_ARGUMENT with all violations. Growth to a new least
  // number begins at once; above a new greatest number threads go as they become idle.
  absl::Status UpdateOptions(const PoolUpdate& update);
  PoolSettings settings() const { return controller_.settings(); }
  // Where the threads of `seat` run, now and later; empty: everywhere. INVALID_ARGUMENT, field
  // `seat` or `cpus`: no thread can sit there, or the process may not use all of these; then
  // nothing has changed.
  absl::Status SetThreadAffinity(int seat, const std::vector<int>& cpus) {
    return controller_.SetAffinity(seat, cpus);
  }

  // The thread then counts no more among those that there should or may be, its place under the
  // running cap is free, and another may start on another seat (resize reason `abandoned`).
  // Threads, abandoned ones included, are never more than PoolOptions::kMaxThreads.
  bool Abandon(int seat, uint64_t ticket) override {
    return seat >= 0 && core_.Abandon(static_cast<uint32_t>(seat), ticket);
  }

  PoolStats GetStats() const { return CollectStats(core_, controller_); }
  // Threads that there are; cheap.
  int live_threads() const { return core_.live_threads(); }
  // Work that waits here, of one priority; cheap.
  size_t QueuedApprox(Priority priority) const { return core_.rings.size(priority); }
  // The last resizes, newest first; of those, the ones with a number below `before` (0: all).
  std::vector<ResizeEvent> Resizes(size_t count, uint64_t before = 0) const {
    return controller_.resizes().Last(count, before);
  }
  // The processors have more to do than they can, and more threads would not help.
  bool IsOverloaded() const { return controller_.overloaded(); }

 private:
  // INVALID_ARGUMENT as UpdateOptions().
  absl::Status Apply(const PoolUpdate& update, PoolSettings& settings) const;
  bool AllDone() const;
  size_t RunningNow() const;
  size_t ReturnWaiting(const GiveBack& give_back);

  // Constant after construction.
  const PoolOptions options_;

  // Synchronize themselves.
  PoolCore core_;
  Controller controller_;  // Last: its threads use the core.
};

}  // namespace taskforge

#endif  // TASKFORGE_POOL_THREAD_POOL_H_

// What one thread of the pool does.
#ifndef TASKFORGE_POOL_WORKER_H_
#define TASKFORGE_POOL_WORKER_H_

#include "base/clock.h"
#include "base/scoped_blocking.h"
#include "pool/core.h"
#include "pool/seat.h"

namespace taskforge {

// The loop of a thread on a seat: take, run, take …, park. Not thread-safe; lives on its thread.
class Worker final : public BlockingObserver {
 public:
  // Both outlive the worker.
  Worker(PoolCore& core, Seat& seat) : core_(core), seat_(seat) {}

  // Tells the seat which thread sits on it. Call it first, on the thread.
  void Announce();
  // Works until the seat is told to leave, its work is abandoned or the pool stops.
  void Loop();

  // While the work that runs is blocked, the seat says so.
  void OnBlocked() override;
  void OnUnblocked() override;

  // The pool whose worker the calling thread is; null if none.
  static const PoolCore* CurrentCore() { return current_core_; }

 private:
  // Finds work and runs it; false: there is none.
  bool TakeAndRun();
  void Run(const Taken& taken);
  // Says so, unless it was idle already.
  void BecomeIdle();
  // Looks for work for a while, if it may be expected; false: there is none.
  bool SearchForWork();
  // Offers the processor to others; whether there is work afterwards.
  bool YieldOnce();
  // The first work after an idle time came at `enqueued`.
  void LearnGap(MonoTime enqueued);
  // Sleeps; false: it is told to leave.
  bool Park();
  void SetSince(MonoTime now) { seat_.since_ns.store(now.ns, std::memory_order_relaxed); }

  inline static thread_local const PoolCore* current_core_ = nullptr;

  PoolCore& core_;
  Seat& seat_;
  bool searching_ = false;
  bool is_abandoned_ = false;  // What it last ran was given up: it leaves.
  // The last reading of the clock, which is good for the next dispatch if it follows at once.
  MonoTime now_;
  bool now_is_fresh_ = false;
  // How long it was idle lately until work came: a moving average, so that the next time can be
  // foreseen. What is long counts as four times the search's length at the most.
  int64_t predicted_gap_ns_ = 0;
  uint64_t runs_ = 0;           // Since it was idle.
  double average_runs_ = 16;    // From one idle time to the next: a moving average.
  bool has_processor_ = false;  // Nobody else wanted it when it was offered last.
  int until_probe_ = 0;         // Idle times until it is offered again.
};

}  // namespace taskforge

#endif  // TASKFORGE_POOL_WORKER_H_

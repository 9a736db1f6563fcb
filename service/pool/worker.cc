#include "pool/worker.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "base/futex.h"

namespace taskforge {
namespace {

// release: pairs with the loads in ThreadPool::AllDone(); after a drain, what ran has happened.
void CountDone(std::atomic<uint64_t>& counter) {
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

}  // namespace

void Worker::Announce() { seat_.tid.store(static_cast<int>(syscall(SYS_gettid))); }

void Worker::Loop() {
  current_core_ = &core_;
  ScopedBlocking::Observe(this);
  seat_.activity.SetIdle();
  SetSince(core_.clock.Monotonic());
  // The new thread raised the running cap: nobody has looked since.
  seat_.freed_cap = true;
  while (!core_.stopping() && !is_abandoned_) {
    if (TakeAndRun()) continue;
    if (SpinForWork()) continue;
    if (!Park()) break;
  }
  if (searching_) core_.wakes.StopSearching();
  // Whoever found nobody to wake counts on every busy thread to change the word and look.
  if (is_abandoned_) core_.wakes.Synchronize();
  if (searching_ || is_abandoned_) core_.LookAgain();
  ScopedBlocking::Observe(nullptr);
  current_core_ = nullptr;
  seat_.tid.store(0);
  if (is_abandoned_) core_.LeaveAbandoned(seat_);
}

bool Worker::TakeAndRun() {
  Taken taken = core_.Take(seat_);
  while (taken.work == nullptr && taken.contended) {
    // Somebody is between claim and publish, perhaps preempted: let it run.
    sched_yield();
    taken = core_.Take(seat_);
  }
  if (taken.work == nullptr) return false;
  if (searching_ || seat_.freed_cap) {
    if (searching_) core_.wakes.StopSearching();
    searching_ = false;
    seat_.freed_cap = false;
    core_.LookAgain();
  }
  Run(taken);
  return true;
}

void Worker::Run(const Taken& taken) {
  Work& work = *taken.work;
  const Priority priority = work.priority;
  if (!now_is_fresh_) now_ = core_.clock.Monotonic();
  Dispatch dispatch;
  dispatch.started = std::max(now_, work.enqueued);
  const int64_t wait_ns = dispatch.started - work.enqueued;
  SingleWriterAdd(seat_.counters.taken[priority], 1);
  seat_.priority.store(priority, std::memory_order_relaxed);
  seat_.holds_cap.store(taken.holds_cap, std::memory_order_relaxed);
  SetSince(dispatch.started);
  seat_.activity.BeginRun();
  dispatch.ticket = seat_.activity.ticket();
  dispatch.number = taken.number;
  dispatch.counted = taken.counted;
  dispatch.seats = core_.seat_count();
  dispatch.seat = static_cast<int>(seat_.index);

  bool ran = true;
  try {
    ran = work.run(work, dispatch);  // The work is gone from here on.
  } catch (...) {
    SingleWriterAdd(seat_.counters.exceptions, 1);
  }

  is_abandoned_ = !seat_.activity.EndRun();
  now_ = core_.clock.Monotonic();
  now_is_fresh_ = true;
  const int64_t run_ns = now_ - dispatch.started;
  if (ran) {
    seat_.slots.Dispatched(taken.background_capped);
    seat_.waits.Record(priority, wait_ns);
    seat_.runs.Record(priority, run_ns);
    CountDone(seat_.counters.completed[priority]);
    SingleWriterAdd(seat_.counters.busy_ns, static_cast<uint64_t>(run_ns));
  } else {
    core_.dispatches[taken.background_capped].fetch_sub(1);
    CountDone(seat_.counters.cancelled[priority]);
  }
  // The place of an abandoned run has been given back, or will be, by the controller.
  if (taken.holds_cap && !is_abandoned_) core_.ReleaseCap(seat_);
  if (core_.phase() != PoolCore::Phase::kOpen) {
    core_.idle_sequence.fetch_add(1);
    FutexWake(core_.idle_sequence, INT_MAX);
  }
}

bool Worker::SpinForWork() {
  if (core_.spin_ns == 0) return false;
  if (!searching_ && !core_.wakes.TrySearch()) return false;
  searching_ = true;
  const MonoTime until{core_.clock.Monotonic().ns + core_.spin_ns};
  do {
    if (core_.HasRunnableWork()) return true;
  } while (core_.clock.Monotonic() < until);
  return false;
}

bool Worker::Park() {
  if (core_.refiller != nullptr) {
    size_t released = 0;
    for (Priority priority : kPriorities) {
      if (core_.rings.released(priority) < core_.rings.released_limit() / 2) {
        released += core_.refiller->Refill(priority);
      }
    }
    if (released != 0 && core_.HasRunnableWork()) return true;
  }
  // A thread that was woken for nothing stays idle since when it was.
  if (seat_.activity.state() != ThreadState::kIdle) {
    SetSince(core_.clock.Monotonic());
    seat_.activity.SetIdle();
  }
  SingleWriterAdd(seat_.counters.parks, 1);
  seat_.freed_cap = false;  // It looks again below.
  core_.wakes.Park(seat_.index, searching_);
  searching_ = false;
  if (core_.stopping()) return false;
  core_.LookAgain();
  searching_ = core_.wakes.Sleep(seat_.index);
  now_is_fresh_ = false;
  return searching_;
}

void Worker::OnBlocked() {
  if (!seat_.activity.SetBlocked(true)) return;
  SetSince(core_.clock.Monotonic());
  if (!core_.HasWork()) return;
  const PoolCore::Activity activity = core_.CountActivity();
  if (activity.busy == activity.blocked) core_.Kick();
}

void Worker::OnUnblocked() {
  if (seat_.activity.SetBlocked(false)) SetSince(core_.clock.Monotonic());
}

}  // namespace taskforge

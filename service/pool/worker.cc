#include "pool/worker.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "base/futex.h"

namespace taskforge {
namespace {

// A sched_yield() that took so long let somebody else run: alone it takes some 0.3 µs.
constexpr int64_t kSwitchNs = 2'000;
// What one switch must bring.
constexpr double kRunsWorthASwitch = 8;
constexpr int kIdleTimesAProbe = 16;
constexpr int kPausesALook = 16;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

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
    BecomeIdle();
    if (SearchForWork()) continue;
    if (!Park()) break;
  }
  if (searching_) core_.wakes.StopSearching();
  if (searching_ || is_abandoned_) core_.LookAgain();
  ScopedBlocking::Observe(nullptr);
  current_core_ = nullptr;
  seat_.tid.store(0);
  if (is_abandoned_) core_.LeaveAbandoned(seat_);
}

bool Worker::TakeAndRun() {
  Taken taken;
  while (!core_.Take(seat_, taken)) {
    if (!core_.HasRunnableWork()) return false;
    // Somebody is between claim and publish, perhaps preempted: let it run.
    sched_yield();
  }
  // Of a place under the cap that was given back and taken again nobody need be told.
  if (searching_ || (seat_.freed_cap && !taken.holds_cap)) {
    if (searching_) core_.wakes.StopSearching();
    searching_ = false;
    core_.LookAgain();
  }
  seat_.freed_cap = false;
  Run(taken);
  return true;
}

void Worker::Run(const Taken& taken) {
  ++runs_;
  Work& work = *taken.work;
  const Priority priority = work.priority;
  if (!now_is_fresh_) now_ = core_.clock.Monotonic();
  Dispatch dispatch;
  dispatch.started = std::max(now_, work.enqueued);
  const int64_t wait_ns = dispatch.started - work.enqueued;
  if (seat_.activity.state() == ThreadState::kIdle) LearnGap(work.enqueued);
  seat_.CountTaken(priority);
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
    seat_.CountRun(priority, wait_ns, run_ns);
    CountDone(seat_.counters.completed[priority]);
  } else {
    if (taken.background_capped) core_.out.dispatches_at_cap.fetch_sub(1);
    core_.out.not_dispatched.fetch_add(1);
    CountDone(seat_.counters.cancelled[priority]);
  }
  // The place of an abandoned run has been given back, or will be, by the controller.
  if (taken.holds_cap && !is_abandoned_) core_.ReleaseCap(seat_);
  if (core_.phase() != PoolCore::Phase::kOpen) {
    core_.idle_sequence.fetch_add(1);
    FutexWake(core_.idle_sequence, INT_MAX);
  }
}

void Worker::BecomeIdle() {
  // A thread that was woken for nothing stays idle since when it was.
  if (seat_.activity.state() == ThreadState::kIdle) return;
  if (!now_is_fresh_) now_ = core_.clock.Monotonic();
  SetSince(now_);
  seat_.activity.SetIdle();
  now_is_fresh_ = false;
}

bool Worker::SearchForWork() {
  const uint64_t found = std::exchange(runs_, 0);
  average_runs_ += (static_cast<double>(found) - average_runs_) / 8;
  if (core_.search_ns == 0 || predicted_gap_ns_ > core_.search_ns) return false;
  const bool in_batches = average_runs_ >= kRunsWorthASwitch;
  if (in_batches || --until_probe_ <= 0) {
    if (YieldOnce()) return true;
    until_probe_ = kIdleTimesAProbe;
  }
  if (!has_processor_ || (!searching_ && !core_.wakes.TrySearch())) return false;
  searching_ = true;
  const MonoTime until{core_.clock.Monotonic().ns + core_.search_ns};
  do {
    if (core_.HasPublishedWork()) return true;
    // Not all the time: each look takes a line from those who work.
    for (int i = 0; i < kPausesALook; ++i) Pause();
  } while (core_.clock.Monotonic() < until);
  return false;
}

bool Worker::YieldOnce() {
  // While it searches nobody else is woken, and it may be away for as long as others like.
  if (std::exchange(searching_, false)) {
    core_.wakes.StopSearching();
    core_.LookAgain();
  }
  const MonoTime before = core_.clock.Monotonic();
  sched_yield();
  has_processor_ = core_.clock.Monotonic() - before < kSwitchNs;
  return core_.HasPublishedWork();
}

void Worker::LearnGap(MonoTime enqueued) {
  const int64_t since = seat_.since_ns.load(std::memory_order_relaxed);
  const int64_t gap = std::clamp<int64_t>(enqueued.ns - since, 0, 4 * core_.search_ns);
  predicted_gap_ns_ += (gap - predicted_gap_ns_) / 4;
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

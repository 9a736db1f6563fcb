#include "pool/controller.h"

#include <pthread.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/futex.h"
#include "pool/worker.h"

namespace taskforge {
namespace {

constexpr absl::Duration kLeastBackoff = absl::Milliseconds(10);
constexpr absl::Duration kGreatestBackoff = absl::Seconds(1);
// A thread's use of its processor is judged over at least so long.
constexpr int64_t kUsageWindowNs = 50'000'000;

MonoTime Earlier(MonoTime a, MonoTime b) { return std::min(a, b); }

PoolHooks Complete(PoolHooks hooks) {
  if (!hooks.start_thread) {
    hooks.start_thread = [](std::function<void()> body) { return std::thread(std::move(body)); };
  }
  return hooks;
}

}  // namespace

Controller::Controller(const PoolOptions& options, PoolCore& core, PoolHooks hooks)
    : scaling_(options.scaling),
      hooks_(Complete(std::move(hooks))),
      core_(core),
      affinity_(options.affinity, core, hooks_.on_affinity_failure),
      resizes_(options.resize_history, hooks_.on_resize),
      cpus_(options.cpus),
      settings_{options.min_threads,      options.MaxThreads(),     options.idle_timeout,
                options.allow_growth,     options.default_priority, options.capacity,
                options.reserved_capacity} {
  watches_.resize(WakeList::kMaxSeats);
}

Controller::~Controller() { Stop(); }

absl::Status Controller::Start() {
  const MonoTime now = core_.clock.Monotonic();
  last_dispatch_ = now;
  const int wanted = settings().min_threads;
  target_.store(wanted, std::memory_order_relaxed);
  const int started = StartThreads(wanted, now);
  if (started > 0) resizes_.Add(core_.clock.Now(), 0, started, ScalingReason::kStart);
  try {
    if (started > 0) thread_ = hooks_.start_thread([this] { Loop(); });
  } catch (const std::system_error&) {
    failures_.fetch_add(1, std::memory_order_relaxed);
  }
  if (thread_.joinable()) return absl::OkStatus();
  Stop();
  return ReasonError(absl::StatusCode::kResourceExhausted, "NO_THREADS",
                     "the pool could not start its threads (ulimit -u, pids.max)");
}

void Controller::Stop() {
  if (std::exchange(stopped_, true)) return;
  core_.SetStopping();
  core_.Kick();
  if (thread_.joinable()) thread_.join();
  // A worker that parks later than this sees that the pool stops.
  for (uint32_t i = 0; i < core_.seat_count(); ++i) core_.wakes.Retire(i);
  for (uint32_t i = 0; i < core_.seat_count(); ++i) {
    if (core_.seat(i).occupied.load()) JoinThread(i);
  }
  core_.SetLiveThreads(0);
}

PoolSettings Controller::settings() const {
  MutexLock lock(mu_);
  return settings_;
}

bool Controller::ReplaceSettings(const PoolSettings& before, const PoolSettings& after) {
  {
    MutexLock lock(mu_);
    if (settings_ != before) return false;
    settings_ = after;
    core_.SetCapacity(after.capacity, after.reserved_capacity);
  }
  core_.Kick();
  return true;
}

absl::Status Controller::CheckSeat(int seat) const {
  const int most = settings().max_threads;
  const int seats = std::max(most, static_cast<int>(core_.seat_count()));
  if (seat >= 0 && seat < seats) return absl::OkStatus();
  return InvalidArgument(
      {{"seat", absl::StrCat("there is no seat ", seat, ": they are 0 to ", seats - 1,
                             ", one for each thread that there may be (max_threads ", most,
                             "); GetPool lists those that have one now")}});
}

absl::Status Controller::SetAffinity(int seat, const std::vector<int>& cpus) {
  if (const absl::Status there = CheckSeat(seat); !there.ok()) return there;
  return affinity_.Set(static_cast<uint32_t>(seat), cpus);
}

void Controller::Loop() {
  pthread_setname_np(pthread_self(), "tf-controller");
  // Kicked out of its sleep: then it stays awake for a tick, so that short waits that follow one
  // another kick it a hundred times a second at most.
  bool was_kicked = false;
  while (!core_.stopping()) {
    // Read first: a kick after this ends the wait below.
    const uint32_t seen = core_.kick_sequence.load();
    const MonoTime next = Tick();
    if (core_.HasWork() || std::exchange(was_kicked, false)) {
      FutexWait(core_.kick_sequence, seen, Earlier(next, core_.clock.Monotonic() + scaling_.tick));
      continue;
    }
    core_.controller_asleep.store(1);
    // Whoever submits counts its work in before it looks whether the controller sleeps.
    if (!core_.HasWork() && !core_.stopping()) FutexWait(core_.kick_sequence, seen, next);
    core_.controller_asleep.store(0);
    was_kicked = core_.kick_sequence.load() != seen;
    // The time during which nothing waited says nothing about a stall.
    last_dispatch_ = core_.clock.Monotonic();
  }
}

MonoTime Controller::Tick() {
  const MonoTime now = core_.clock.Monotonic();
  SettleAbandoned();
  if (hooks_.read_cpus) cpus_.store(hooks_.read_cpus(), std::memory_order_relaxed);
  const PoolSettings settings = this->settings();
  const PoolSnapshot snapshot = Look(now, settings);
  const ScalingAction action = DecideScaling(snapshot, scaling_);
  overloaded_.store(action.overloaded, std::memory_order_relaxed);
  Act(now, settings, action);
  if (threads_ < settings.min_threads || threads_ > settings.max_threads) {
    return now + scaling_.tick;
  }
  return NextExpiry(now, settings);
}

void Controller::SettleAbandoned() {
  const uint32_t abandons = core_.abandon_sequence.load();
  if (abandons == seen_abandons_) return;
  seen_abandons_ = abandons;
  std::vector<uint32_t> lost;
  std::vector<uint32_t> left;
  for (uint32_t i = 0; i < core_.seat_count(); ++i) {
    const Seat& seat = core_.seat(i);
    if (!seat.occupied.load() || seat.activity.state() != ThreadState::kAbandoned) continue;
    if (!std::exchange(watches_[i]->is_abandoned, true)) lost.push_back(i);
    if (seat.has_left.load()) left.push_back(i);
  }
  if (!lost.empty()) {
    const int from = threads_;
    threads_ -= static_cast<int>(lost.size());
    unreplaced_ += static_cast<int>(lost.size());
    // The limit of the cap first: what runs under it is never more than all threads but one.
    core_.SetLiveThreads(threads_);
    for (const uint32_t i : lost) {
      if (core_.seat(i).holds_cap.load(std::memory_order_relaxed)) core_.out.cap.Release();
    }
    core_.LookAgain();
    resizes_.Add(core_.clock.Now(), from, threads_, ScalingReason::kAbandoned);
  }
  for (const uint32_t i : left) JoinThread(i);
}

PoolSnapshot Controller::Look(MonoTime now, const PoolSettings& settings) {
  PoolSnapshot snapshot;
  snapshot.now = now;
  snapshot.min_threads = settings.min_threads;
  snapshot.max_threads = settings.max_threads;
  snapshot.cpus = cpus();
  snapshot.allow_growth = settings.allow_growth;
  snapshot.last_growth = last_growth_;
  snapshot.last_shrink = last_shrink_;
  LookAtWork(now, snapshot);
  LookAtThreads(now, settings, snapshot);
  const int idle = snapshot.threads - snapshot.busy;
  const bool served =
      snapshot.waiting_urgent > 0
          ? idle > 0
          : snapshot.waiting_background == 0 || std::min(idle, snapshot.background_places) > 0;
  if (served) {
    pressure_since_.reset();
  } else if (!pressure_since_.has_value()) {
    pressure_since_ = now;
  }
  if (pressure_since_.has_value()) {
    snapshot.pressure = absl::Nanoseconds(now - *pressure_since_);
  }
  return snapshot;
}

void Controller::LookAtWork(MonoTime now, PoolSnapshot& snapshot) {
  snapshot.waiting_urgent =
      core_.rings.size(Priority::kCritical) + core_.rings.size(Priority::kHigh);
  snapshot.waiting_background =
      core_.rings.size(Priority::kNormal) + core_.rings.size(Priority::kLow);
  snapshot.background_places = std::max(0, core_.out.cap.limit() - core_.out.cap.running());
  const uint64_t dispatches = core_.AllDispatches();
  const bool waits = snapshot.waiting_urgent + snapshot.waiting_background > 0;
  if (dispatches != seen_dispatches_ || !waits) last_dispatch_ = now;
  seen_dispatches_ = dispatches;
  snapshot.since_dispatch = absl::Nanoseconds(now - last_dispatch_);
}

void Controller::LookAtThreads(MonoTime now, const PoolSettings& settings, PoolSnapshot& snapshot) {
  snapshot.threads = threads_;
  snapshot.replaces_abandoned = unreplaced_ > 0;
  CpuShares sum;
  int measured = 0;
  for (uint32_t i = 0; i < core_.seat_count(); ++i) {
    const Seat& seat = core_.seat(i);
    if (!seat.occupied.load(std::memory_order_relaxed)) continue;
    const ThreadState state = seat.activity.state();
    if (state == ThreadState::kAbandoned) continue;
    if (state == ThreadState::kIdle) {
      if (!core_.wakes.IsParked(i)) continue;
      ++snapshot.idle_parked;
      const MonoTime since{seat.since_ns.load(std::memory_order_relaxed)};
      if (now >= since + settings.idle_timeout) ++snapshot.idle_expired;
      continue;
    }
    ++snapshot.busy;
    if (state == ThreadState::kBlocked) {
      ++snapshot.blocked;
      continue;
    }
    LookAtUsage(now, seat, *watches_[i], sum, measured);
  }
  snapshot.sleeping = std::max(0.0, measured - sum.running - sum.waiting);
  snapshot.usage_known = measured > 0 || snapshot.busy == snapshot.blocked;
  const double runnable = sum.running + sum.waiting;
  // Threads that sleep all the time wait a little for each bit that they run: that is no load.
  snapshot.contention = runnable >= 0.5 ? sum.waiting / runnable : 0.0;
}

void Controller::LookAtUsage(MonoTime now, const Seat& seat, Watch& watch, CpuShares& sum,
                             int& measured) {
  const int tid = seat.tid.load();
  const uint64_t parks = seat.counters.parks.load(std::memory_order_relaxed);
  if (tid != watch.tid) {
    watch.tid = tid;
    watch.usage.Open(tid);
    watch.usage.Restart(now);
    watch.parks = parks;
    return;
  }
  if (parks != watch.parks) {  // It slept because there was nothing to do: that says nothing.
    watch.parks = parks;
    watch.usage.Restart(now);
    return;
  }
  const std::optional<CpuShares> shares = watch.usage.Read(now, kUsageWindowNs);
  if (!shares.has_value()) return;
  ++measured;
  sum.running += 1.0 - shares->sleeping() - shares->waiting;
  sum.waiting += shares->waiting;
}

void Controller::Act(MonoTime now, const PoolSettings& settings, const ScalingAction& action) {
  target_.store(action.target, std::memory_order_relaxed);
  const int from = threads_;
  if (action.target > from) {
    if (now < retry_start_at_) return;
    if (StartThreads(action.target - from, now) > 0) last_growth_ = now;
  } else if (action.target < from) {
    const bool expired_only = action.reason == ScalingReason::kIdle;
    const MonoTime idle_since{
        expired_only ? now.ns - absl::ToInt64Nanoseconds(settings.idle_timeout) : INT64_MAX};
    if (RetireThreads(from - action.target, idle_since) > 0) last_shrink_ = now;
  }
  if (threads_ != from) resizes_.Add(core_.clock.Now(), from, threads_, action.reason);
}

MonoTime Controller::NextExpiry(MonoTime now, const PoolSettings& settings) const {
  if (threads_ <= settings.min_threads) return MonoTime::Max();
  MonoTime next = now + settings.idle_timeout;
  for (uint32_t i = 0; i < core_.seat_count(); ++i) {
    const Seat& seat = core_.seat(i);
    if (!seat.occupied.load(std::memory_order_relaxed) || !core_.wakes.IsParked(i)) continue;
    const MonoTime since{seat.since_ns.load(std::memory_order_relaxed)};
    next = Earlier(next, since + settings.idle_timeout);
  }
  if (last_growth_.has_value()) next = std::max(next, *last_growth_ + scaling_.flip_hold);
  return std::max(next, now + scaling_.tick);
}

int Controller::StartThreads(int count, MonoTime now) {
  int started = 0;
  for (uint32_t i = 0; i < WakeList::kMaxSeats && started < count; ++i) {
    Seat& seat = core_.EnsureSeat(i);
    if (seat.occupied.load(std::memory_order_relaxed)) continue;
    if (!StartThread(i)) {
      failures_.fetch_add(1, std::memory_order_relaxed);
      start_backoff_ = std::clamp(2 * start_backoff_, kLeastBackoff, kGreatestBackoff);
      retry_start_at_ = now + start_backoff_;
      break;
    }
    start_backoff_ = absl::ZeroDuration();
    unreplaced_ = std::max(0, unreplaced_ - 1);
    ++started;
  }
  return started;
}

bool Controller::StartThread(uint32_t index) {
  Seat& seat = core_.seat(index);
  if (watches_[index] == nullptr) watches_[index] = std::make_unique<Watch>();
  seat.activity.SetIdle();
  seat.since_ns.store(core_.clock.Monotonic().ns, std::memory_order_relaxed);
  core_.wakes.Occupy(index);
  core_.SetLiveThreads(threads_ + 1);
  try {
    watches_[index]->thread = hooks_.start_thread([this, &seat] { RunThread(seat); });
  } catch (const std::system_error&) {
    core_.wakes.Vacate(index);
    core_.SetLiveThreads(threads_);
    return false;
  }
  seat.occupied.store(true);
  ++threads_;
  if (threads_ > peak_.load(std::memory_order_relaxed)) {
    peak_.store(threads_, std::memory_order_relaxed);
  }
  return true;
}

void Controller::RunThread(Seat& seat) {
  pthread_setname_np(pthread_self(), absl::StrCat("tf-pool-", seat.index).c_str());
  Worker worker(core_, seat);
  worker.Announce();
  affinity_.ApplyToThisThread(seat.index);
  worker.Loop();
}

int Controller::RetireThreads(int count, MonoTime idle_since_at_least) {
  std::vector<uint32_t> retired;
  // The highest seats first: the fewer seats take part, the tighter the waiting bound.
  for (uint32_t i = core_.seat_count(); i-- > 0 && static_cast<int>(retired.size()) < count;) {
    const Seat& seat = core_.seat(i);
    if (!seat.occupied.load(std::memory_order_relaxed)) continue;
    if (seat.since_ns.load(std::memory_order_relaxed) > idle_since_at_least.ns) continue;
    if (core_.wakes.Retire(i)) retired.push_back(i);
  }
  for (const uint32_t index : retired) JoinThread(index);
  threads_ -= static_cast<int>(retired.size());
  core_.SetLiveThreads(threads_);
  return static_cast<int>(retired.size());
}

void Controller::JoinThread(uint32_t index) {
  Watch& watch = *watches_[index];
  watch.thread.join();
  watch.usage.Close();
  watch.tid = 0;
  watch.is_abandoned = false;
  core_.seat(index).activity.SetIdle();
  core_.seat(index).has_left.store(false);
  core_.wakes.Vacate(index);
  core_.seat(index).occupied.store(false);
}

}  // namespace taskforge

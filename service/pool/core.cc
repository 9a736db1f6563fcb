#include "pool/core.h"

#include <climits>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/wake_batch.h"
#include "pool/worker.h"

namespace taskforge {
namespace {

// What the rings must hold of released work at the most.
size_t MostReleased() { return size_t{2} * PoolOptions::kMaxThreads; }

}  // namespace

PoolCore::PoolCore(const PoolOptions& options, const Clock& pool_clock)
    : clock(pool_clock),
      layout(options.weights),
      spin_ns(options.cpus <= 2 ? 0 : absl::ToInt64Nanoseconds(options.scaling.spin)),
      rings(options.capacity, options.CapacityLimit(), MostReleased(), options.reserved_nodes) {
  rings.SetReleasedLimit(2);
}

bool PoolCore::OnWorkerThread() const { return Worker::CurrentCore() == this; }

absl::Status PoolCore::CheckOpen(bool from_worker) const {
  const Phase now = phase();
  if (now == Phase::kOpen || (now == Phase::kDraining && from_worker)) return absl::OkStatus();
  return ReasonError(absl::StatusCode::kUnavailable, "POOL_DRAINING",
                     "the pool is draining: it takes no new work");
}

absl::Status PoolCore::TrySubmit(Work& work) {
  const Priority priority = work.priority;
  if (const absl::Status open = CheckOpen(OnWorkerThread()); !open.ok()) return open;
  // Counted first, so that at no time more was taken than submitted; taken back on refusal.
  submitted[priority].fetch_add(1);
  if (!rings.TryPushOrdinary(work)) {
    submitted[priority].fetch_sub(1);
    refused[priority].fetch_add(1, std::memory_order_relaxed);
    return ReasonError(
        absl::StatusCode::kResourceExhausted, "POOL_FULL",
        absl::StrCat("the pool is full: ", rings.capacity(), " places (pool.capacity)"));
  }
  NotifySubmitted(priority);
  return absl::OkStatus();
}

bool PoolCore::TryRelease(Work& work) {
  const Priority priority = work.priority;
  if (phase() == Phase::kClosed) return false;
  submitted[priority].fetch_add(1);
  if (!rings.TryPushReleased(work)) {
    submitted[priority].fetch_sub(1);
    return false;
  }
  NotifySubmitted(priority);
  return true;
}

void PoolCore::SubmitReserved(Work& work) {
  const Priority priority = work.priority;
  submitted[priority].fetch_add(1);
  rings.PushReserved(work);
  NotifySubmitted(priority);
}

absl::Status PoolCore::SubmitWait(Work& work, MonoTime deadline) {
  if (OnWorkerThread()) {
    return ReasonError(absl::StatusCode::kFailedPrecondition, "WOULD_DEADLOCK",
                       "a worker of the pool must not wait for a place in it: use TrySubmit");
  }
  absl::Status status = TrySubmit(work);
  if (!absl::IsResourceExhausted(status)) return status;
  space_waiters.fetch_add(1);
  for (;;) {
    // Read before the attempt: a place that becomes free after it changes the word.
    const uint32_t seen = space_sequence.load();
    status = TrySubmit(work);
    if (!absl::IsResourceExhausted(status) || clock.Monotonic() >= deadline) break;
    FutexWait(space_sequence, seen, deadline);
  }
  space_waiters.fetch_sub(1);
  // The wake-up that this caller may have used is another's.
  if (!status.ok()) FutexWake(space_sequence, 1);
  if (!absl::IsResourceExhausted(status)) return status;
  return ReasonError(absl::StatusCode::kDeadlineExceeded, "POOL_FULL",
                     absl::StrCat("no place in the pool by the deadline: ", rings.capacity(),
                                  " places (pool.capacity)"));
}

void PoolCore::SetPhase(Phase phase) {
  phase_.store(phase);
  space_sequence.fetch_add(1);
  FutexWake(space_sequence, INT_MAX);
}

void PoolCore::SetCapacity(size_t capacity) {
  rings.SetCapacity(capacity);
  space_sequence.fetch_add(1);
  FutexWake(space_sequence, INT_MAX);
}

void PoolCore::NotifySubmitted(Priority priority) {
  if (priority <= Priority::kNormal && cap.IsReached()) {
    // Nobody may take it now. Whoever frees the cap looks at the rings after that, and the order of
    // the ring's tail and of the cap's count is one.
    KickIfAsleep();
    return;
  }
  const bool is_deferred =
      WakeBatch::Defer([](void* core) { static_cast<PoolCore*>(core)->LookAgain(); }, this);
  if (!is_deferred) NotifyWork();
}

void PoolCore::NotifyWork() {
  if (wakes.Notify() == WakeList::Outcome::kNobody) KickIfAsleep();
}

void PoolCore::LookAgain() {
  if (HasRunnableWork()) {
    NotifyWork();
  } else if (HasWork()) {
    KickIfAsleep();
  }
}

void PoolCore::KickIfAsleep() {
  if (controller_asleep.load() == 0) return;
  if (controller_asleep.exchange(0) != 0) Kick();
}

void PoolCore::Kick() {
  kick_sequence.fetch_add(1);
  FutexWake(kick_sequence, 1);
}

bool PoolCore::Abandon(uint32_t index, uint64_t ticket) {
  if (index >= seat_count() || !seat(index).activity.Abandon(ticket)) return false;
  seat(index).since_ns.store(clock.Monotonic().ns, std::memory_order_relaxed);
  abandon_sequence.fetch_add(1);
  Kick();
  return true;
}

void PoolCore::LeaveAbandoned(Seat& seat) {
  seat.has_left.store(true);
  abandon_sequence.fetch_add(1);
  Kick();
}

bool PoolCore::HasRunnableWork() const {
  if (rings.size(Priority::kCritical) != 0 || rings.size(Priority::kHigh) != 0) return true;
  if (rings.size(Priority::kNormal) == 0 && rings.size(Priority::kLow) == 0) return false;
  return !cap.IsReached();
}

Taken PoolCore::PopAndRefill(Priority priority, bool capped) {
  Taken taken;
  // Read before the pop, which is what ends the wait: a thread that is preempted after it starts
  // the work late, but has not let anybody pass.
  taken.number = AllDispatches() + 1;
  taken.counted = CountedDispatches(priority) + 1;
  const LevelRings::Entry entry = rings.Pop(priority);
  taken.work = entry.work;
  taken.contended = entry.contended;
  if (entry.work == nullptr) return taken;
  dispatches[capped].fetch_add(1);
  taken.background_capped = capped;
  if (entry.place == Place::kOrdinary && space_waiters.load() != 0) {
    space_sequence.fetch_add(1);
    FutexWake(space_sequence, 1);
  }
  if (entry.place == Place::kReleased && refiller != nullptr &&
      rings.released(priority) < rings.released_limit() / 2) {
    refiller->Refill(priority);
  }
  return taken;
}

Taken PoolCore::PopDue(Priority priority, bool capped) {
  Taken taken = PopAndRefill(priority, capped);
  if (taken.work != nullptr || taken.contended || refiller == nullptr) return taken;
  if (refiller->Refill(priority) == 0) return taken;
  return PopAndRefill(priority, capped);
}

void PoolCore::ReleaseCap(Seat& seat) {
  cap.Release();
  seat.freed_cap = true;
}

Taken PoolCore::Take(Seat& seat) {
  bool capped = cap.IsReached();
  std::optional<Priority> due = seat.slots.Due(capped);
  if (due.has_value() && *due <= Priority::kNormal) {
    Taken taken = TakeDueBackground(seat, *due);
    if (taken.work != nullptr) return taken;
    // Capped, or the first is not published yet: the slot is kept until it can be served.
    capped = taken.background_capped;
    due = capped ? seat.slots.Due(capped) : std::nullopt;
  }
  Taken taken;
  if (due.has_value()) taken = PopDue(*due, capped);
  bool contended = taken.contended;
  for (const Priority priority : {Priority::kCritical, Priority::kHigh}) {
    if (taken.work == nullptr) taken = PopAndRefill(priority, capped);
    contended |= taken.contended;
  }
  if (taken.work == nullptr) TakeBackground(seat, taken, capped);
  taken.contended |= contended;
  return taken;
}

Taken PoolCore::TakeDueBackground(Seat& seat, Priority due) {
  Taken taken;
  taken.background_capped = !cap.TryAcquire();
  if (taken.background_capped) return taken;
  taken = PopDue(due, false);
  taken.holds_cap = taken.work != nullptr;
  if (!taken.holds_cap) ReleaseCap(seat);
  if (!taken.holds_cap) taken.background_capped = taken.contended;
  return taken;
}

void PoolCore::TakeBackground(Seat& seat, Taken& taken, bool capped) {
  if (rings.size(Priority::kNormal) == 0 && rings.size(Priority::kLow) == 0) return;
  if (!cap.TryAcquire()) return;
  bool contended = false;
  for (const Priority priority : {Priority::kNormal, Priority::kLow}) {
    taken = PopAndRefill(priority, capped);
    contended |= taken.contended;
    if (taken.work == nullptr) continue;
    taken.holds_cap = true;
    return;
  }
  taken.contended = contended;
  ReleaseCap(seat);
}

PoolCore::Activity PoolCore::CountActivity() const {
  Activity activity;
  for (uint32_t i = 0; i < seat_count(); ++i) {
    const ThreadState state = seat(i).activity.state();
    if (state == ThreadState::kBusy || state == ThreadState::kBlocked) ++activity.busy;
    if (state == ThreadState::kBlocked) ++activity.blocked;
  }
  return activity;
}

void PoolCore::SetLiveThreads(int threads) {
  live_threads_.store(threads);
  cap.SetThreads(threads);
  rings.SetReleasedLimit(size_t{2} * static_cast<size_t>(threads < 1 ? 1 : threads));
}

Seat& PoolCore::EnsureSeat(uint32_t index) {
  if (owned_seats_[index] == nullptr) {
    owned_seats_[index] = std::make_unique<Seat>(index, layout);
    // release: pairs with the acquire in seat(); publishes the seat.
    seats_[index].store(owned_seats_[index].get(), std::memory_order_release);
    // Seats are made in order, so all below the count are there.
    seat_count_.store(index + 1, std::memory_order_release);
  }
  return *owned_seats_[index];
}

}  // namespace taskforge

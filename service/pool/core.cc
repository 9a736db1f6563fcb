#include "pool/core.h"

#include <climits>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/futex.h"
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
      rings(options.capacity, options.capacity_limit, MostReleased(), options.reserved_nodes) {
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
  NotifyWork();
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
  NotifyWork();
  return true;
}

void PoolCore::SubmitReserved(Work& work) {
  submitted[work.priority].fetch_add(1);
  rings.PushReserved(work);
  NotifyWork();
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
  if (!absl::IsResourceExhausted(status)) return status;
  return ReasonError(absl::StatusCode::kDeadlineExceeded, "POOL_FULL",
                     absl::StrCat("no place in the pool by the deadline: ", rings.capacity(),
                                  " places (pool.capacity)"));
}

void PoolCore::NotifyWork() {
  if (wakes.Notify() == WakeList::Outcome::kNobody) KickIfAsleep();
}

void PoolCore::KickIfAsleep() {
  if (controller_asleep.load() == 0) return;
  if (controller_asleep.exchange(0) != 0) Kick();
}

void PoolCore::Kick() {
  kick_sequence.fetch_add(1);
  FutexWake(kick_sequence, 1);
}

bool PoolCore::HasRunnableWork() const {
  if (rings.size(Priority::kCritical) != 0 || rings.size(Priority::kHigh) != 0) return true;
  if (rings.size(Priority::kNormal) == 0 && rings.size(Priority::kLow) == 0) return false;
  return !cap.IsReached();
}

Taken PoolCore::PopAndRefill(Priority priority) {
  const LevelRings::Entry entry = rings.Pop(priority);
  Taken taken;
  taken.work = entry.work;
  taken.contended = entry.contended;
  if (entry.work == nullptr) return taken;
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

Taken PoolCore::PopDue(Priority priority) {
  Taken taken = PopAndRefill(priority);
  if (taken.work != nullptr || taken.contended || refiller == nullptr) return taken;
  if (refiller->Refill(priority) == 0) return taken;
  return PopAndRefill(priority);
}

void PoolCore::ReleaseCap(Seat& seat) {
  cap.Release();
  seat.freed_cap = true;
}

Taken PoolCore::Take(Seat& seat) {
  bool contended = false;
  bool capped = cap.IsReached();
  std::optional<Priority> due = seat.slots.Due(capped);
  if (due.has_value() && *due <= Priority::kNormal && !cap.TryAcquire()) {
    capped = true;
    due = seat.slots.Due(capped);
  }
  if (due.has_value()) {
    Taken taken = PopDue(*due);
    taken.holds_cap = *due <= Priority::kNormal;
    taken.background_capped = capped;
    if (taken.work != nullptr) return taken;
    if (taken.holds_cap) ReleaseCap(seat);
    // The first of them is not published yet: the slot is kept until it is.
    if (taken.contended && *due <= Priority::kNormal) capped = true;
    contended |= taken.contended;
  }
  for (const Priority priority : {Priority::kCritical, Priority::kHigh}) {
    Taken taken = PopAndRefill(priority);
    taken.background_capped = capped;
    if (taken.work != nullptr) return taken;
    contended |= taken.contended;
  }
  Taken taken;
  if (TakeBackground(seat, Priority::kNormal, Priority::kLow, taken)) {
    taken.background_capped = capped;
    return taken;
  }
  taken.contended |= contended;
  return taken;
}

bool PoolCore::TakeBackground(Seat& seat, Priority first, Priority second, Taken& taken) {
  if (rings.size(first) == 0 && rings.size(second) == 0) return false;
  if (!cap.TryAcquire()) return false;
  bool contended = false;
  for (const Priority priority : {first, second}) {
    taken = PopAndRefill(priority);
    contended |= taken.contended;
    if (taken.work == nullptr) continue;
    taken.holds_cap = true;
    return true;
  }
  taken.contended = contended;
  ReleaseCap(seat);
  return false;
}

PoolCore::Activity PoolCore::CountActivity() const {
  Activity activity;
  for (uint32_t i = 0; i < seat_count(); ++i) {
    const ThreadState state = seat(i).state.load(std::memory_order_relaxed);
    if (state != ThreadState::kIdle) ++activity.busy;
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

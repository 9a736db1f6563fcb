#include "pool/core.h"

#include <algorithm>
#include <climits>
#include <utility>

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
      search_ns(absl::ToInt64Nanoseconds(options.scaling.spin)),
      rings(options.capacity, options.CapacityLimit(), MostReleased(), options.reserved_nodes,
            out) {
  rings.SetCapacity(options.capacity, options.reserved_capacity);
  rings.SetReleasedLimit(2);
}

bool PoolCore::OnWorkerThread() const { return Worker::CurrentCore() == this; }

absl::Status PoolCore::CheckOpen() const {
  const Phase now = phase();
  if (now == Phase::kOpen || (now == Phase::kDraining && OnWorkerThread())) return absl::OkStatus();
  return ReasonError(absl::StatusCode::kUnavailable, "POOL_DRAINING",
                     "the pool is draining: it takes no new work");
}

absl::Status PoolCore::Refuse(Priority priority) {
  refused[priority].fetch_add(1, std::memory_order_relaxed);
  return ReasonError(absl::StatusCode::kResourceExhausted, "POOL_FULL",
                     absl::StrCat("the pool is full: ", Places(priority)));
}

std::string PoolCore::Places(Priority priority) const {
  const size_t capacity = rings.capacity();
  const size_t limit = rings.limit(priority);
  std::string text = absl::StrCat(capacity, " places (pool.capacity)");
  if (limit == capacity) return text;
  absl::StrAppend(&text, ", of which ", Name(priority), " work may use ", limit);
  absl::string_view before = ": kept for more urgent work are ";
  for (size_t i = kPriorityCount - 1; i > Index(priority); --i) {
    // Limits that change just now may be in any order.
    const size_t more = rings.limit(kPriorities[i]);
    const size_t less = rings.limit(kPriorities[i - 1]);
    if (more <= less) continue;
    absl::StrAppend(&text, std::exchange(before, " and "), more - less, " (pool.reserved_capacity.",
                    Name(kPriorities[i]), ")");
  }
  absl::StrAppend(&text, "; come again later, or submit it as more urgent");
  return text;
}

void PoolCore::TellOfPlace() {
  space_sequence.fetch_add(1);
  // Where reserves are, the one that is woken may not be one whose limit lets it in.
  FutexWake(space_sequence, rings.has_reserves() ? INT_MAX : 1);
}

absl::Status PoolCore::TrySubmit(Work& work) {
  const Priority priority = work.priority;
  if (const absl::Status open = CheckOpen(); !open.ok()) return open;
  if (!rings.TryPushOrdinary(work)) return Refuse(priority);
  NotifySubmitted(priority);
  return absl::OkStatus();
}

size_t PoolCore::TrySubmitMany(absl::Span<Work* const> batch, absl::Status& why) {
  if (batch.empty()) return 0;
  if (why = CheckOpen(); !why.ok()) return 0;
  // Read before the push: what is pushed may be gone at once.
  const auto urgent = [](const Work* work) { return work->priority > Priority::kNormal; };
  const bool has_urgent = std::any_of(batch.begin(), batch.end(), urgent);
  const size_t taken = rings.TryPushOrdinary(batch);
  if (taken != 0) NotifySubmitted(has_urgent ? Priority::kHigh : Priority::kNormal);
  if (taken < batch.size()) why = Refuse(batch[taken]->priority);
  return taken;
}

bool PoolCore::TryRelease(Work& work) {
  const Priority priority = work.priority;
  if (phase() == Phase::kClosed) return false;
  if (!rings.TryPushReleased(work)) return false;
  NotifySubmitted(priority);
  return true;
}

void PoolCore::SubmitReserved(Work& work) {
  const Priority priority = work.priority;
  rings.PushReserved(work);
  NotifySubmitted(priority);
}

absl::Status PoolCore::SubmitWait(Work& work, MonoTime deadline) {
  if (OnWorkerThread()) {
    return ReasonError(absl::StatusCode::kFailedPrecondition, "WOULD_DEADLOCK",
                       "a worker of the pool must not wait for a place in it: use TrySubmit");
  }
  const Priority priority = work.priority;
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
  if (!status.ok()) FutexWake(space_sequence, rings.has_reserves() ? INT_MAX : 1);
  if (!absl::IsResourceExhausted(status)) return status;
  return ReasonError(absl::StatusCode::kDeadlineExceeded, "POOL_FULL",
                     absl::StrCat("no place in the pool by the deadline: ", Places(priority)));
}

void PoolCore::SetPhase(Phase phase) {
  phase_.store(phase);
  space_sequence.fetch_add(1);
  FutexWake(space_sequence, INT_MAX);
}

void PoolCore::SetCapacity(size_t capacity, const ReservedCapacity& reserved) {
  rings.SetCapacity(capacity, reserved);
  space_sequence.fetch_add(1);
  FutexWake(space_sequence, INT_MAX);
}

void PoolCore::NotifySubmitted(Priority priority) {
  // As always under load: everybody is busy and looks before it sleeps, or somebody searches.
  if (!wakes.CanWake() && controller_asleep.load() == 0) return;
  if (priority <= Priority::kNormal && out.cap.IsReached()) {
    // Nobody may take it now. Whoever frees the cap looks at the rings after that.
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
  // Nobody to tell, as always under load: then there is no need to look.
  if (!wakes.CanWake() && controller_asleep.load() == 0) return;
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
  return !out.cap.IsReached();
}

bool PoolCore::HasPublishedWork() const {
  if (rings.HasPublished(Priority::kCritical) || rings.HasPublished(Priority::kHigh)) return true;
  if (out.cap.IsReached()) return false;
  return rings.HasPublished(Priority::kNormal) || rings.HasPublished(Priority::kLow);
}

bool PoolCore::PopAndRefill(Priority priority, bool capped, Taken& taken) {
  // Read before the pop, which is what ends the wait: a thread that is preempted after it starts
  // the work late, but has not let anybody pass.
  const TakeEnd::Dispatches before = out.Count();
  const LevelRings::Entry entry = rings.Pop(priority);
  if (entry.may_free_place && space_waiters.load() != 0) TellOfPlace();
  if (entry.work == nullptr) return false;
  if (capped) out.dispatches_at_cap.fetch_add(1);
  taken.work = entry.work;
  taken.number = before.all + 1;
  taken.counted = priority <= Priority::kNormal ? before.below_cap + 1 : taken.number;
  taken.holds_cap = false;
  taken.background_capped = capped;
  if (entry.place == Place::kReleased && refiller != nullptr &&
      rings.released(priority) < rings.released_limit() / 2) {
    refiller->Refill(priority);
  }
  return true;
}

bool PoolCore::PopDue(Priority priority, bool capped, Taken& taken) {
  if (PopAndRefill(priority, capped, taken)) return true;
  return refiller != nullptr && refiller->Refill(priority) != 0 &&
         PopAndRefill(priority, capped, taken);
}

void PoolCore::ReleaseCap(Seat& seat) {
  out.cap.Release();
  seat.freed_cap = true;
}

bool PoolCore::Take(Seat& seat, Taken& taken) {
  bool capped = out.cap.IsReached();
  std::optional<Priority> due = seat.slots.Due(capped);
  if (due.has_value() && *due <= Priority::kNormal) {
    if (TakeDueBackground(seat, *due, capped, taken)) return true;
    // Capped, or the first is not published yet: the slot is kept until it can be served.
    due = capped ? seat.slots.Due(capped) : std::nullopt;
  }
  if (due.has_value() && PopDue(*due, capped, taken)) return true;
  return PopAndRefill(Priority::kCritical, capped, taken) ||
         PopAndRefill(Priority::kHigh, capped, taken) || TakeBackground(seat, capped, taken);
}

bool PoolCore::TakeDueBackground(Seat& seat, Priority due, bool& capped, Taken& taken) {
  capped = !out.cap.TryAcquire();
  if (capped) return false;
  if (PopDue(due, false, taken)) {
    taken.holds_cap = true;
    return true;
  }
  ReleaseCap(seat);
  capped = rings.size(due) != 0;
  return false;
}

bool PoolCore::TakeBackground(Seat& seat, bool capped, Taken& taken) {
  if (!rings.HasPublished(Priority::kNormal) && !rings.HasPublished(Priority::kLow)) return false;
  if (!out.cap.TryAcquire()) return false;
  if (PopAndRefill(Priority::kNormal, capped, taken) ||
      PopAndRefill(Priority::kLow, capped, taken)) {
    taken.holds_cap = true;
    return true;
  }
  ReleaseCap(seat);
  return false;
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
  out.cap.SetThreads(threads);
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

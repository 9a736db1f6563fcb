#include "bus/subscriber.h"

#include <algorithm>
#include <bit>
#include <climits>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/scoped_blocking.h"

namespace taskforge {
namespace {

constexpr int kEventShift = 40;
constexpr uint64_t kBytesMask = (uint64_t{1} << kEventShift) - 1;
// Small rings would let the slot's lap counter come round too soon.
constexpr size_t kMinLaneSlots = 64;

constexpr uint64_t Backlog(size_t events, size_t bytes) {
  return (static_cast<uint64_t>(events) << kEventShift) | bytes;
}
constexpr uint32_t Bit(Priority priority) { return 1u << Index(priority); }

}  // namespace

Subscriber::Subscriber(uint64_t id, SubscribeOptions options, EventSink* sink,
                       std::unique_ptr<EventSink> owned_sink, DrainExecutor& executor,
                       const Clock& clock, BusCounters& counters, Ref<SubscriberGroup> group)
    : id_(id),
      options_(std::move(options)),
      max_events_(std::bit_ceil(options_.max_events)),
      create_time_(clock.Now()),
      is_called_for_each_(owned_sink != nullptr),
      executor_(executor),
      clock_(clock),
      counters_(counters),
      group_(std::move(group)),
      owned_sink_(std::move(owned_sink)),
      sink_(owned_sink_ != nullptr ? *owned_sink_ : *sink),
      conflation_(options_.policy == SlowSubscriberPolicy::kConflate
                      ? std::make_unique<Conflation>(options_.conflate_by, max_events_)
                      : nullptr),
      lanes_{Lane(std::max(max_events_, kMinLaneSlots)), Lane(std::max(max_events_, kMinLaneSlots)),
             Lane(std::max(max_events_, kMinLaneSlots)),
             Lane(std::max(max_events_, kMinLaneSlots))} {
  for (Priority priority : kPriorities) {
    DrainNode& node = nodes_[Index(priority)];
    node.run = &Subscriber::RunDrain;
    node.priority = priority;
    node.subscriber = this;
  }
}

Subscriber::~Subscriber() = default;

SubscriptionInfo Subscriber::Info() const {
  SubscriptionInfo info;
  info.id = id_;
  info.filters = options_.filters;
  info.policy = options_.policy;
  info.label = options_.label;
  info.group = options_.group;
  info.peer = options_.peer;
  info.create_time = create_time_;
  const uint64_t backlog = backlog_.load(std::memory_order_relaxed);
  info.backlog_events = backlog >> kEventShift;
  info.backlog_bytes = backlog & kBytesMask;
  info.backlog_events_max = backlog_events_max_.load(std::memory_order_relaxed);
  info.delivered = delivered_.load(std::memory_order_relaxed);
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    info.dropped_by_reason[i] = dropped_[i].load(std::memory_order_relaxed) & ~kTakenOver;
  }
  return info;
}

SubscriptionInfo Subscriber::TakeOverCounts() {
  SubscriptionInfo info = Info();
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    // relaxed: one word says how many there were and who counts the next.
    info.dropped_by_reason[i] = dropped_[i].fetch_or(kTakenOver, std::memory_order_relaxed);
  }
  return info;
}

// --- Taking events in.

Subscriber::Offered Subscriber::Offer(const Event* event) {
  // acquire: pairs with the RMWs that close. Late news is met again in PushReserved().
  if (state_.load(std::memory_order_acquire) & kClosed) return Offered::kClosed;
  if (event->bytes() > options_.max_bytes) {
    if (options_.policy == SlowSubscriberPolicy::kDisconnect ||
        options_.policy == SlowSubscriberPolicy::kBlock) {
      Disconnect();
      return Offered::kClosed;
    }
    Refuse(event, DropReason::kTooLarge);
    return Offered::kTaken;
  }
  if (conflation_ != nullptr) return Conflate(event);
  if (TryReserve(event->bytes())) {
    if (PushReserved(event)) return Offered::kTaken;
    GiveBack(1, event->bytes());
  }
  switch (options_.policy) {
    case SlowSubscriberPolicy::kDropOldest:
      return MakeRoomAndPush(event);
    case SlowSubscriberPolicy::kDropNewest:
      Refuse(event, DropReason::kNewest);
      return Offered::kTaken;
    case SlowSubscriberPolicy::kBlock:
      return Offered::kWouldBlock;
    case SlowSubscriberPolicy::kDisconnect:
    case SlowSubscriberPolicy::kConflate:  // Not here.
      break;
  }
  Disconnect();
  return Offered::kClosed;
}

Subscriber::Offered Subscriber::MakeRoomAndPush(const Event* event) {
  // Each try in vain drops one event, and others may take the room that it made.
  for (size_t tries = 0; tries <= max_events_; ++tries) {
    if (TryReserve(event->bytes())) {
      if (PushReserved(event)) return Offered::kTaken;
      // Whoever took from the next slot was preempted before it left it. To drop more would empty
      // the lane in vain.
      GiveBack(1, event->bytes());
      break;
    }
    if (!DropOneUpTo(event->priority())) break;
  }
  Refuse(event, DropReason::kNewest);
  return Offered::kTaken;
}

Subscriber::Offered Subscriber::Conflate(const Event* event) {
  std::string key;
  const bool has_key = conflation_->KeyOf(*event, key);
  const size_t hash = absl::HashOf(key);
  const Conflation::Guard guard(*conflation_);
  for (size_t tries = 0; tries <= max_events_; ++tries) {
    if (const Ticket* ticket = has_key ? conflation_->Find(key, hash) : nullptr) {
      if (TryReplace(*ticket, event)) return Offered::kTaken;
      conflation_->Remove(*ticket);  // It has ended, and whoever ended it may be slow to do this.
    } else if (TryReserve(event->bytes())) {
      if (PushTicket(event, key, hash, has_key)) return Offered::kTaken;
      GiveBack(1, event->bytes());
    } else if (!DropOneUpTo(event->priority())) {
      break;
    }
  }
  Refuse(event, DropReason::kNewest);
  return Offered::kTaken;
}

bool Subscriber::TryReplace(const Ticket& ticket, const Event* event) {
  const size_t bytes = event->bytes();
  const Priority priority = event->priority();
  // Added before, and what is replaced taken off after: so the sum is never below what waits.
  backlog_.fetch_add(Backlog(0, bytes), std::memory_order_seq_cst);
  const Event* replaced = ticket.Replace(event);
  GiveBack(0, replaced == nullptr ? bytes : replaced->bytes());
  if (replaced == nullptr) return false;
  replaced->Release();
  CountDropped(DropReason::kConflated);
  while ((backlog_.load(std::memory_order_relaxed) & kBytesMask) > options_.max_bytes &&
         DropOneUpTo(priority)) {
  }
  return true;
}

bool Subscriber::PushTicket(const Event* event, std::string key, size_t hash, bool has_key) {
  const Priority priority = event->priority();
  const auto ticket = Ref<const Ticket>::Adopt(new Ticket(std::move(key), hash, event));
  if (has_key && !conflation_->TryAdd(ticket)) {
    (void)ticket->Take();  // Stays the caller's.
    return false;
  }
  ticket->AddRef();
  if (lanes_[Index(priority)].TryPush(ticket.get())) {
    Schedule(priority);
    return true;
  }
  // As in MakeRoomAndPush(). What is refused may be a later event that replaced this one.
  ticket->Release();
  const Event* latest = ticket->Take();
  conflation_->Remove(*ticket);
  GiveBack(1, latest->bytes());
  Refuse(latest, DropReason::kNewest);
  return true;
}

const Event* Subscriber::EventOf(const Event* from_lane) {
  if (conflation_ == nullptr || from_lane == nullptr) return from_lane;
  const auto ticket = Ref<const Ticket>::Adopt(static_cast<const Ticket*>(from_lane));
  const Event* latest = ticket->Take();
  const Conflation::Guard guard(*conflation_);
  conflation_->Remove(*ticket);
  return latest;
}

const Event* Subscriber::TryDrop(Lane& lane) { return EventOf(lane.TryDrop()); }

Subscriber::Offered Subscriber::OfferBlocking(const Event* event) {
  const bool must_not_wait =
      NonBlockingThread::IsCurrent() ||
      running_thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  const MonoTime deadline = clock_.Monotonic() + options_.block_budget;
  // seq_cst, as the load in GiveBack(): either it sees the waiter, or the waiter sees the room.
  room_waiters_.fetch_add(1, std::memory_order_seq_cst);
  Offered result = Offered::kWouldBlock;
  while (result == Offered::kWouldBlock) {
    const uint32_t seen = room_.load(std::memory_order_acquire);  // Pairs with GiveBack().
    result = Offer(event);
    if (result != Offered::kWouldBlock) break;
    if (must_not_wait || clock_.Monotonic() >= deadline) {
      Disconnect();
      result = Offered::kClosed;
    } else {
      const ScopedBlocking blocking;
      FutexWait(room_, seen, deadline);
    }
  }
  room_waiters_.fetch_sub(1, std::memory_order_relaxed);
  return result;
}

bool Subscriber::OfferIfRoom(const Event* event) {
  if (IsClosed() || !TryReserve(event->bytes())) return false;
  if (PushReserved(event)) return true;
  GiveBack(1, event->bytes());
  return false;
}

size_t Subscriber::waiting_events() const {
  return static_cast<size_t>(backlog_.load(std::memory_order_relaxed) >> kEventShift);
}

bool Subscriber::TryReserve(size_t bytes) {
  uint64_t backlog = backlog_.load(std::memory_order_seq_cst);
  do {
    if ((backlog >> kEventShift) >= max_events_) return false;
    if ((backlog & kBytesMask) + bytes > options_.max_bytes) return false;
  } while (!backlog_.compare_exchange_weak(backlog, backlog + Backlog(1, bytes),
                                           std::memory_order_seq_cst));
  const uint64_t events = (backlog >> kEventShift) + 1;
  uint64_t most = backlog_events_max_.load(std::memory_order_relaxed);
  while (events > most &&
         !backlog_events_max_.compare_exchange_weak(most, events, std::memory_order_relaxed)) {
  }
  return true;
}

void Subscriber::GiveBack(size_t events, size_t bytes) {
  backlog_.fetch_sub(Backlog(events, bytes), std::memory_order_seq_cst);
  if (room_waiters_.load(std::memory_order_seq_cst) == 0) return;
  room_.fetch_add(1, std::memory_order_release);  // Pairs with the load in OfferBlocking().
  FutexWake(room_, INT_MAX);
}

bool Subscriber::PushReserved(const Event* event) {
  const Priority priority = event->priority();
  if (!lanes_[Index(priority)].TryPush(event)) return false;
  Schedule(priority);
  return true;
}

bool Subscriber::DropOneUpTo(Priority priority) {
  for (size_t i = 0; i <= Index(priority); ++i) {
    const Event* oldest = TryDrop(lanes_[i]);
    if (oldest == nullptr) continue;
    CountDropped(DropReason::kOldest);
    GiveBack(1, oldest->bytes());
    oldest->Release();
    Schedule(kPriorities[i]);  // The gap is news, even if nothing follows it.
    return true;
  }
  return false;
}

void Subscriber::Refuse(const Event* event, DropReason reason) {
  const Priority priority = event->priority();
  CountDropped(reason);
  lanes_[Index(priority)].CountRefused();
  event->Release();
  Schedule(priority);
}

void Subscriber::CountDropped(DropReason reason, uint64_t n) {
  const uint64_t before =
      dropped_[static_cast<size_t>(reason)].fetch_add(n, std::memory_order_relaxed);
  if ((before & kTakenOver) != 0) counters_.CountLateDrop(reason, n);
}

// --- Scheduling.

void Subscriber::Schedule(Priority priority) {
  // seq_cst: after the push, drop or refusal; see Lane::HasNews().
  uint32_t state = state_.load(std::memory_order_seq_cst);
  do {
    if (state & kClosed) {
      // The closer may have emptied the lanes before this push.
      DiscardAll(DropReason::kClosed);
      return;
    }
    if (state & kPaused) return;                              // Resume() looks.
    if ((state & kScheduledMask) >> Index(priority)) return;  // That drain looks.
  } while (!state_.compare_exchange_weak(state, state | Bit(priority), std::memory_order_seq_cst));
  Submit(priority);
}

void Subscriber::Submit(Priority priority) {
  DrainNode& node = nodes_[Index(priority)];
  AddRef();  // RunDrain() adopts it.
  node.enqueued = clock_.Monotonic();
  executor_.SubmitReserved(node);
}

void Subscriber::LookAgain() {
  for (size_t i = kPriorityCount; i-- > 0;) {
    if (lanes_[i].HasNews()) return Schedule(kPriorities[i]);
  }
}

// --- Ending.

void Subscriber::TellClosed() {
  // acq_rel: whoever closes first and clears TELL decides whether the sink may still be called.
  if (!(state_.fetch_and(~kTell, std::memory_order_acq_rel) & kTell)) return;
  try {
    sink_.OnClosed(
        ReasonError(absl::StatusCode::kResourceExhausted, "SLOW_SUBSCRIBER",
                    absl::StrCat("subscriptions/", id_, " was too slow: its limit of ", max_events_,
                                 " events or ", options_.max_bytes,
                                 " bytes that wait was reached (max_events, max_bytes)")));
  } catch (...) {
    counters_.CountSinkException();
  }
}

void Subscriber::Disconnect() {
  uint32_t state = state_.load(std::memory_order_relaxed);
  uint32_t next = 0;
  do {
    if (state & kClosed) return;
    next = state | kClosed | kTell;
    if (!(state & kScheduledMask)) next |= Bit(Priority::kNormal);
  } while (!state_.compare_exchange_weak(state, next, std::memory_order_seq_cst));
  if (!(state & kScheduledMask)) Submit(Priority::kNormal);
  DiscardAll(DropReason::kDisconnected);
  room_.fetch_add(1, std::memory_order_release);  // Pairs with the load in OfferBlocking().
  FutexWake(room_, INT_MAX);
}

void Subscriber::Close() {
  uint32_t state = state_.load(std::memory_order_relaxed);
  while (
      !state_.compare_exchange_weak(state, (state | kClosed) & ~kTell, std::memory_order_seq_cst)) {
  }
  room_.fetch_add(1, std::memory_order_release);  // Pairs with the load in OfferBlocking().
  FutexWake(room_, INT_MAX);
  while (running_thread_.load(std::memory_order_relaxed) != std::this_thread::get_id()) {
    state = state_.load(std::memory_order_acquire);  // Pairs with LetGo().
    if (!(state & kRunning)) break;
    if (!(state & kWaiter) &&
        !state_.compare_exchange_weak(state, state | kWaiter, std::memory_order_seq_cst)) {
      continue;
    }
    FutexWait(state_, state | kWaiter);
  }
  // From the sink itself: now, because what is counted later is not counted with the bus any more.
  for (Delivery& delivery : rest_) {
    if (delivery.event) Discard(delivery.event.Leak(), DropReason::kClosed);
  }
  DiscardAll(DropReason::kClosed);
}

void Subscriber::DropSink() {
  if (running_thread_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return;
  owned_sink_.reset();
}

void Subscriber::DiscardAll(DropReason reason) {
  for (Lane& lane : lanes_) {
    while (const Event* event = TryDrop(lane)) {
      GiveBack(1, event->bytes());
      Discard(event, reason);
    }
  }
}

void Subscriber::Discard(const Event* event, DropReason reason) {
  if (group_ && group_->PassOn(event, *this)) return;
  CountDropped(reason);
  event->Release();
}

void Subscriber::TakeBack(std::vector<EventRef> untouched) {
  SingleWriterAdd(delivered_, uint64_t{0} - untouched.size());
  for (EventRef& event : untouched) Discard(event.Leak(), DropReason::kClosed);
}

void Subscriber::Resume() {
  uint32_t state = state_.load(std::memory_order_relaxed);
  uint32_t next = 0;
  do {
    next = (state & kPaused) ? state & ~kPaused : state | kResumed;
  } while (!state_.compare_exchange_weak(state, next, std::memory_order_seq_cst));
  if ((state & kPaused) && !(state & kClosed)) LookAgain();
}

}  // namespace taskforge

#include "bus/subscriber.h"

#include <algorithm>
#include <bit>
#include <climits>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/futex.h"

namespace taskforge {
namespace {

// Small rings would let the slot's lap counter come round too soon.
constexpr size_t kMinLaneSlots = 64;

constexpr uint32_t Bit(Priority priority) { return 1u << Index(priority); }

}  // namespace

Subscriber::Subscriber(uint64_t id, SubscribeOptions options, EventSink* sink,
                       std::unique_ptr<EventSink> owned_sink, DrainExecutor& executor,
                       const Clock& clock, BusCounters& counters, Ref<SubscriberGroup> group,
                       ReplayLog* log)
    : id_(id),
      options_(std::move(options)),
      max_events_(std::bit_ceil(options_.max_events)),
      create_time_(clock.Now()),
      is_called_for_each_(owned_sink != nullptr),
      executor_(executor),
      clock_(clock),
      counters_(counters),
      group_(std::move(group)),
      log_(log),
      owned_sink_(std::move(owned_sink)),
      sink_(owned_sink_ != nullptr ? *owned_sink_ : *sink),
      conflation_(options_.policy == SlowSubscriberPolicy::kConflate
                      ? std::make_unique<Conflation>(options_.conflate_by, max_events_)
                      : nullptr),
      reader_(log != nullptr ? std::make_unique<ReplayReader>(options_.filters) : nullptr),
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
  std::tie(info.backlog_events, info.backlog_bytes) = Waiting();
  info.backlog_events_max = backlog_events_max_.load(std::memory_order_relaxed);
  info.delivered = delivered_.load(std::memory_order_relaxed);
  info.replayed = replayed_.load(std::memory_order_relaxed);
  info.is_replaying = reader_ != nullptr && reader_->IsBehind();
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
    if (IsToRead(kPriorities[i]) || lanes_[i].HasNews()) return Schedule(kPriorities[i]);
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

#include "bus/subscriber.h"

#include <algorithm>
#include <bit>
#include <climits>
#include <utility>

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
                       const Clock& clock, BusCounters& counters)
    : id_(id),
      options_(std::move(options)),
      max_events_(std::bit_ceil(options_.max_events)),
      create_time_(clock.Now()),
      is_called_for_each_(owned_sink != nullptr),
      executor_(executor),
      clock_(clock),
      counters_(counters),
      owned_sink_(std::move(owned_sink)),
      sink_(owned_sink_ != nullptr ? *owned_sink_ : *sink),
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

SubscriptionInfo Subscriber::Info() const {
  SubscriptionInfo info;
  info.id = id_;
  info.filters = options_.filters;
  info.policy = options_.policy;
  info.label = options_.label;
  info.peer = options_.peer;
  info.create_time = create_time_;
  const uint64_t backlog = backlog_.load(std::memory_order_relaxed);
  info.backlog_events = backlog >> kEventShift;
  info.backlog_bytes = backlog & kBytesMask;
  info.backlog_events_max = backlog_events_max_.load(std::memory_order_relaxed);
  info.delivered = delivered_.load(std::memory_order_relaxed);
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    info.dropped_by_reason[i] = dropped_[i].load(std::memory_order_relaxed);
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
    const Event* oldest = lanes_[i].TryDrop();
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
  dropped_[static_cast<size_t>(reason)].fetch_add(n, std::memory_order_relaxed);
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

// --- Delivering.

bool Subscriber::RunDrain(Work& work, const Dispatch& dispatch) {
  auto& node = static_cast<DrainNode&>(work);
  const Ref<Subscriber> self = Ref<Subscriber>::Adopt(node.subscriber);
  return self->Drain(node.priority, dispatch);
}

bool Subscriber::Drain(Priority priority, const Dispatch& dispatch) {
  if (!TakeSink(priority)) return false;
  running_thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  const bool pause = DeliverUntilBudget(priority, dispatch);
  LetGo(priority, pause);
  return true;
}

// Becomes the one that is RUNNING, or gives up the scheduled bit: whoever runs looks again, and so
// does Resume(). A closed subscriber is only worth a run if there is somebody to tell.
bool Subscriber::TakeSink(Priority priority) {
  uint32_t state = state_.load(std::memory_order_relaxed);
  for (;;) {
    const bool tell = (state & kTell) != 0;
    const bool leave = (state & kRunning) || (!tell && (state & (kPaused | kClosed)));
    const uint32_t next = leave ? state & ~Bit(priority) : state | kRunning;
    // seq_cst: the runner before us published its writes with LetGo().
    if (state_.compare_exchange_weak(state, next, std::memory_order_seq_cst)) return !leave;
  }
}

bool Subscriber::DeliverUntilBudget(Priority priority, const Dispatch& dispatch) {
  Batch batch;
  size_t left = kDrainEvents;
  MonoTime now = dispatch.started;
  for (;;) {
    const uint32_t state = state_.load(std::memory_order_acquire);  // Pairs with who closes.
    if (state & kClosed) return false;
    if (state & kResumed) state_.fetch_and(~kResumed, std::memory_order_relaxed);  // Stale.
    const size_t events = FillBatch(priority, std::min(left, BatchSize()), now, batch);
    if (batch.size == 0) return false;
    left -= events;
    if (CallSink(batch, events) == SinkResult::kPause) return true;
    if (left == 0) return false;
    const MonoTime before = std::exchange(now, clock_.Monotonic());
    if (events > 0) event_ns_ = (now - before) / static_cast<int64_t>(events);
    if (now - dispatch.started >= kDrainNs) return false;
  }
}

// Where each event is a call: as many as the time suffices for, if they take what they took last.
size_t Subscriber::BatchSize() const {
  if (!is_called_for_each_) return options_.max_batch;
  return static_cast<size_t>(
      std::clamp(kDrainNs / std::max<int64_t>(event_ns_, 1), int64_t{1}, int64_t{kDrainEvents}));
}

size_t Subscriber::FillBatch(Priority lowest, size_t max_events, MonoTime now, Batch& batch) {
  batch.size = 0;
  std::array<Lane::Taken, kDrainEvents> taken;
  std::array<int64_t, kDrainEvents> waited_ns;
  size_t events = 0;
  size_t bytes = 0;
  for (size_t i = kPriorityCount; i-- > Index(lowest);) {
    uint64_t missed_at_end = 0;
    const size_t n =
        lanes_[i].Take(absl::MakeSpan(taken.data(), max_events - events), missed_at_end);
    for (const Lane::Taken& each : absl::MakeConstSpan(taken.data(), n)) {
      if (each.missed_before > 0) {
        batch.deliveries[batch.size++] = {nullptr, each.missed_before, kPriorities[i]};
      }
      bytes += each.event->bytes();
      waited_ns[events++] = now - each.event->published();
      batch.deliveries[batch.size++] = {EventRef::Adopt(each.event), 0, kPriorities[i]};
    }
    if (missed_at_end > 0)
      batch.deliveries[batch.size++] = {nullptr, missed_at_end, kPriorities[i]};
    if (events == max_events) break;
  }
  if (events > 0) {
    counters_.RecordDeliveries(absl::MakeConstSpan(waited_ns.data(), events));
    GiveBack(events, bytes);
  }
  return events;
}

SinkResult Subscriber::CallSink(Batch& batch, size_t events) {
  const auto deliveries = absl::MakeSpan(batch.deliveries.data(), batch.size);
  SinkResult result = SinkResult::kContinue;
  if (is_called_for_each_) {
    CallForEach(deliveries);
  } else {
    SingleWriterAdd(delivered_, events);
    result = Call(deliveries);
    for (Delivery& delivery : deliveries) delivery.event = nullptr;
  }
  return result;
}

void Subscriber::CallForEach(absl::Span<Delivery> deliveries) {
  for (Delivery& delivery : deliveries) {
    if (!delivery.event) continue;
    // acquire: pairs with who closes, perhaps from the call before.
    if (state_.load(std::memory_order_acquire) & kClosed) {
      CountDropped(DropReason::kClosed);
    } else {
      SingleWriterAdd(delivered_, 1);
      Call(absl::MakeConstSpan(&delivery, 1));
    }
    delivery.event = nullptr;
  }
}

SinkResult Subscriber::Call(absl::Span<const Delivery> deliveries) {
  try {
    return sink_.Deliver(deliveries);
  } catch (...) {
    counters_.CountSinkException();
    return SinkResult::kContinue;
  }
}

void Subscriber::LetGo(Priority priority, bool pause) {
  uint32_t state = state_.load(std::memory_order_relaxed);
  uint32_t next = 0;
  do {
    running_thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    if (state & kTell) {
      TellClosed();
      state = state_.load(std::memory_order_relaxed);
    }
    if (state & kClosed) owned_sink_.reset();  // Nobody will call it any more.
    running_thread_.store(std::thread::id(), std::memory_order_relaxed);
    next = state & ~(kRunning | kWaiter | Bit(priority));
    if (pause) next = (state & kResumed) ? next & ~kResumed : next | kPaused;
    // seq_cst: publishes to the next runner, and stands before LookAgain().
  } while (!state_.compare_exchange_weak(state, next, std::memory_order_seq_cst));
  if (state & kWaiter) FutexWake(state_, INT_MAX);
  if (!(next & (kPaused | kClosed))) LookAgain();
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
  DiscardAll(DropReason::kClosed);
}

void Subscriber::DropSink() {
  if (running_thread_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return;
  owned_sink_.reset();
}

void Subscriber::DiscardAll(DropReason reason) {
  for (Lane& lane : lanes_) {
    while (const Event* event = lane.TryDrop()) {
      CountDropped(reason);
      GiveBack(1, event->bytes());
      event->Release();
    }
  }
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

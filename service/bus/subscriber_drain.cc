// How a subscriber delivers: the drains.
#include <algorithm>
#include <array>
#include <climits>
#include <thread>
#include <utility>

#include "base/futex.h"
#include "bus/subscriber.h"

namespace taskforge {
namespace {

constexpr uint32_t Bit(Priority priority) { return 1u << Index(priority); }

}  // namespace

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
      const Event* event = EventOf(each.event);
      bytes += event->bytes();
      waited_ns[events++] = now - event->published();
      batch.deliveries[batch.size++] = {EventRef::Adopt(event), 0, kPriorities[i]};
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
  for (rest_ = deliveries; !rest_.empty();) {
    Delivery& delivery = rest_.front();
    rest_.remove_prefix(1);
    if (!delivery.event) continue;
    // acquire: pairs with who closes on another thread.
    if (state_.load(std::memory_order_acquire) & kClosed) {
      Discard(delivery.event.Leak(), DropReason::kClosed);
    } else {
      SingleWriterAdd(delivered_, 1);
      Call(absl::MakeConstSpan(&delivery, 1));
      delivery.event = nullptr;
    }
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

}  // namespace taskforge

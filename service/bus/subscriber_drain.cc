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
    // Whoever disconnects it empties the lanes beside this drain. The gap that this makes is not to
    // be told to one who can come back: then it would take the events for lost.
    if (reader_ != nullptr && (state_.load(std::memory_order_acquire) & kClosed)) {
      DropBatch(batch);
      return false;
    }
    left -= events;
    if (CallSink(batch, events) == SinkResult::kPause) return true;
    if (left == 0) return false;
    const MonoTime before = std::exchange(now, clock_.Monotonic());
    if (events > 0) event_ns_ = (now - before) / static_cast<int64_t>(events);
    if (now - dispatch.started >= kDrainNs) return false;
  }
}

void Subscriber::DropBatch(Batch& batch) {
  for (Delivery& delivery : absl::MakeSpan(batch.deliveries.data(), batch.size)) {
    if (delivery.event) CountDropped(DropReason::kClosed);
    delivery.event = nullptr;
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
  if (reader_ == nullptr) {
    size_t events = 0;
    for (size_t i = kPriorityCount; i-- > Index(lowest) && events < max_events;) {
      events += TakeFromLane(kPriorities[i], max_events - events, now, batch);
    }
    return events;
  }
  log_first_ = !log_first_;
  size_t events = 0;
  for (size_t i = kPriorityCount; i-- > Index(lowest) && events < max_events;) {
    const Priority priority = kPriorities[i];
    if (log_first_) events += ReadFromLog(priority, max_events - events, batch);
    if (events == max_events) break;
    events += TakeFromLane(priority, max_events - events, now, batch);
    if (!log_first_) events += ReadFromLog(priority, max_events - events, batch);
  }
  return events;
}

size_t Subscriber::TakeFromLane(Priority priority, size_t max_events, MonoTime now, Batch& batch) {
  std::array<Lane::Taken, kDrainEvents> taken;
  std::array<int64_t, kDrainEvents> waited_ns;
  size_t bytes = 0;
  uint64_t missed_at_end = 0;
  uint64_t position = 0;
  const size_t n =
      lanes_[Index(priority)].Take(absl::MakeSpan(taken.data(), max_events), missed_at_end);
  for (size_t i = 0; i < n; ++i) {
    if (taken[i].missed_before > 0) {
      batch.deliveries[batch.size++] = {nullptr, taken[i].missed_before, priority};
    }
    const Event* event = EventOf(taken[i].event);
    bytes += event->bytes();
    waited_ns[i] = now - event->published();
    // Nobody else looks at it: it lies beside what is read anyway.
    const uint64_t its_position = reader_ == nullptr ? 0 : event->position();
    position = std::max(position, its_position);
    batch.deliveries[batch.size++] = {EventRef::Adopt(event), 0, priority, false, its_position};
  }
  if (missed_at_end > 0) batch.deliveries[batch.size++] = {nullptr, missed_at_end, priority};
  if (n == 0) return 0;
  // seq_cst, before GiveBack(): see WaitUntilRead().
  if (position > 0) read_through_[Index(priority)].store(position, std::memory_order_seq_cst);
  counters_.RecordDeliveries(absl::MakeConstSpan(waited_ns.data(), n));
  GiveBack(n, bytes);
  return n;
}

bool Subscriber::IsToRead(Priority priority) const {
  if (reader_ == nullptr || !reader_->IsBehind(priority)) return false;
  // What the lane holds of the log comes first. It was put there before it fell behind, and the
  // policies that let it fall behind drop nothing.
  const size_t i = Index(priority);
  return read_through_[i].load(std::memory_order_relaxed) >=
         placed_through_[i].load(std::memory_order_relaxed);
}

size_t Subscriber::ReadFromLog(Priority priority, size_t max_events, Batch& batch) {
  if (max_events == 0 || !IsToRead(priority)) return 0;
  const size_t i = Index(priority);
  // Asked again under the log's lock, where what is pushed and how far it is behind do not change.
  const std::optional<ReplayLog::ReadResult> read = log_->Read(
      *reader_, priority, max_events, absl::MakeSpan(batch.deliveries).subspan(batch.size),
      [&] { return IsToRead(priority); });
  if (!read.has_value()) return 0;
  batch.size += read->deliveries;
  SingleWriterAdd(replayed_, read->events);
  if (read->missed > 0) CountDropped(DropReason::kGone, read->missed);
  read_through_[i].store(read->through, std::memory_order_seq_cst);  // As above.
  GiveBack(0, 0);
  return read->events;
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

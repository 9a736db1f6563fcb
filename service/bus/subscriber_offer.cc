// How a subscriber takes events in, and what it does when there is no room.
#include <algorithm>
#include <bit>
#include <climits>
#include <utility>

#include "absl/hash/hash.h"
#include "base/futex.h"
#include "base/scoped_blocking.h"
#include "bus/subscriber.h"

namespace taskforge {
namespace {

constexpr int kEventShift = 40;
constexpr uint64_t kBytesMask = (uint64_t{1} << kEventShift) - 1;

constexpr uint64_t Backlog(size_t events, size_t bytes) {
  return (static_cast<uint64_t>(events) << kEventShift) | bytes;
}
constexpr uint32_t Bit(Priority priority) { return 1u << Index(priority); }

}  // namespace

Subscriber::Offered Subscriber::Offer(const Event* event) {
  uint32_t news = 0;
  const Placed placed = Place(event, news);
  Announce(news);
  if (placed != Placed::kNoRoom) {
    return placed == Placed::kTaken ? Offered::kTaken : Offered::kClosed;
  }
  if (WaitsFor(event)) return Offered::kWouldBlock;
  Disconnect();
  return Offered::kClosed;
}

Subscriber::Placed Subscriber::Place(const Event* event, uint32_t& news) {
  // acquire: pairs with the RMWs that close. Late news is met again in Announce().
  if (state_.load(std::memory_order_acquire) & kClosed) return Placed::kClosed;
  const SlowSubscriberPolicy policy = options_.policy;
  const bool drops =
      policy != SlowSubscriberPolicy::kDisconnect && policy != SlowSubscriberPolicy::kBlock;
  if (event->bytes() > options_.max_bytes) {
    if (!drops) return Placed::kNoRoom;
    Refuse(event, DropReason::kTooLarge, news);
    return Placed::kTaken;
  }
  if (conflation_ != nullptr) {
    Conflate(event, news);
    return Placed::kTaken;
  }
  if (TryReserve(event->bytes())) {
    if (PushReserved(event, news)) return Placed::kTaken;
    GiveBack(1, event->bytes());
  }
  if (!drops) return Placed::kNoRoom;
  if (policy == SlowSubscriberPolicy::kDropOldest) {
    MakeRoomAndPush(event, news);
  } else {
    Refuse(event, DropReason::kNewest, news);
  }
  return Placed::kTaken;
}

void Subscriber::Announce(uint32_t news) {
  // From the top: a drain there looks at what is below when it is done.
  while (news != 0) {
    const Priority highest = kPriorities[static_cast<size_t>(std::bit_width(news)) - 1];
    news &= ~Bit(highest);
    Schedule(highest);
  }
}

bool Subscriber::WaitsFor(const Event* event) const {
  return options_.policy == SlowSubscriberPolicy::kBlock && event->bytes() <= options_.max_bytes;
}

void Subscriber::MakeRoomAndPush(const Event* event, uint32_t& news) {
  // Each try in vain drops one event, and others may take the room that it made.
  for (size_t tries = 0; tries <= max_events_; ++tries) {
    if (TryReserve(event->bytes())) {
      if (PushReserved(event, news)) return;
      // Whoever took from the next slot was preempted before it left it. To drop more would empty
      // the lane in vain.
      GiveBack(1, event->bytes());
      break;
    }
    if (!DropOneUpTo(event->priority(), news)) break;
  }
  Refuse(event, DropReason::kNewest, news);
}

void Subscriber::Conflate(const Event* event, uint32_t& news) {
  std::string key;
  const bool has_key = conflation_->KeyOf(*event, key);
  const size_t hash = absl::HashOf(key);
  const Conflation::Guard guard(*conflation_);
  for (size_t tries = 0; tries <= max_events_; ++tries) {
    if (const Ticket* ticket = has_key ? conflation_->Find(key, hash) : nullptr) {
      if (TryReplace(*ticket, event, news)) return;
      conflation_->Remove(*ticket);  // It has ended, and whoever ended it may be slow to do this.
    } else if (TryReserve(event->bytes())) {
      if (PushTicket(event, key, hash, has_key, news)) return;
      GiveBack(1, event->bytes());
    } else if (!DropOneUpTo(event->priority(), news)) {
      break;
    }
  }
  Refuse(event, DropReason::kNewest, news);
}

bool Subscriber::TryReplace(const Ticket& ticket, const Event* event, uint32_t& news) {
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
         DropOneUpTo(priority, news)) {
  }
  return true;
}

bool Subscriber::PushTicket(const Event* event, std::string key, size_t hash, bool has_key,
                            uint32_t& news) {
  const Priority priority = event->priority();
  const auto ticket = Ref<const Ticket>::Adopt(new Ticket(std::move(key), hash, event));
  if (has_key && !conflation_->TryAdd(ticket)) {
    (void)ticket->Take();  // Stays the caller's.
    return false;
  }
  ticket->AddRef();
  if (lanes_[Index(priority)].TryPush(ticket.get())) {
    news |= Bit(priority);
    return true;
  }
  // As in MakeRoomAndPush(). What is refused may be a later event that replaced this one.
  ticket->Release();
  const Event* latest = ticket->Take();
  conflation_->Remove(*ticket);
  GiveBack(1, latest->bytes());
  Refuse(latest, DropReason::kNewest, news);
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
  Offered result = Offered::kWouldBlock;
  const auto is_decided = [&] { return (result = Offer(event)) != Offered::kWouldBlock; };
  return WaitForRoom(is_decided) ? result : Offered::kClosed;
}

bool Subscriber::WaitUntilRead(const Event* event) {
  const auto& read = read_through_[Index(event->priority())];
  // seq_cst: stored before the drain looks for who waits; see GiveBack().
  return WaitForRoom(
      [&] { return IsClosed() || read.load(std::memory_order_seq_cst) >= event->position(); });
}

bool Subscriber::WaitForRoom(absl::FunctionRef<bool()> is_over) {
  const bool must_not_wait =
      NonBlockingThread::IsCurrent() ||
      running_thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  const MonoTime deadline = clock_.Monotonic() + options_.block_budget;
  // seq_cst, as the load in GiveBack(): either it sees the waiter, or the waiter sees the room.
  room_waiters_.fetch_add(1, std::memory_order_seq_cst);
  bool in_time = true;
  for (;;) {
    const uint32_t seen = room_.load(std::memory_order_acquire);  // Pairs with GiveBack().
    if (is_over()) break;
    in_time = !must_not_wait && clock_.Monotonic() < deadline;
    if (!in_time) break;
    const ScopedBlocking blocking;
    FutexWait(room_, seen, deadline);
  }
  if (!in_time) Disconnect();
  room_waiters_.fetch_sub(1, std::memory_order_relaxed);
  return in_time;
}

bool Subscriber::OfferIfRoom(const Event* event) {
  if (IsClosed() || !TryReserve(event->bytes())) return false;
  uint32_t news = 0;
  const bool is_pushed = PushReserved(event, news);
  Announce(news);
  if (!is_pushed) GiveBack(1, event->bytes());
  return is_pushed;
}

std::pair<uint64_t, uint64_t> Subscriber::Waiting() const {
  const uint64_t backlog = backlog_.load(std::memory_order_relaxed);
  return {backlog >> kEventShift, backlog & kBytesMask};
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

bool Subscriber::PushReserved(const Event* event, uint32_t& news) {
  const Priority priority = event->priority();
  if (!lanes_[Index(priority)].TryPush(event)) return false;
  news |= Bit(priority);
  return true;
}

bool Subscriber::DropOneUpTo(Priority priority, uint32_t& news) {
  for (size_t i = 0; i <= Index(priority); ++i) {
    const Event* oldest = TryDrop(lanes_[i]);
    if (oldest == nullptr) continue;
    CountDropped(DropReason::kOldest);
    GiveBack(1, oldest->bytes());
    oldest->Release();
    news |= Bit(kPriorities[i]);  // The gap is news, even if nothing follows it.
    return true;
  }
  return false;
}

void Subscriber::Refuse(const Event* event, DropReason reason, uint32_t& news) {
  const Priority priority = event->priority();
  CountDropped(reason);
  lanes_[Index(priority)].CountRefused();
  event->Release();
  news |= Bit(priority);
}

void Subscriber::CountDropped(DropReason reason, uint64_t n) {
  const uint64_t before =
      dropped_[static_cast<size_t>(reason)].fetch_add(n, std::memory_order_relaxed);
  if ((before & kTakenOver) != 0) counters_.CountLateDrop(reason, n);
}

}  // namespace taskforge

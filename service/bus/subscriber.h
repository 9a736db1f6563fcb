// The bus's own end of a subscription: what waits, and the drains that deliver it.
#ifndef TASKFORGE_BUS_SUBSCRIBER_H_
#define TASKFORGE_BUS_SUBSCRIBER_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/ref.h"
#include "bus/bus_counters.h"
#include "bus/conflation.h"
#include "bus/lane.h"
#include "bus/replay_log.h"
#include "bus/subscriber_group.h"
#include "bus/subscription.h"
#include "task/work.h"

namespace taskforge {

// Where drains run. Thread-safe.
class DrainExecutor {
 public:
  virtual ~DrainExecutor() = default;
  // Runs `work` on some thread at its priority, soon; never refuses (the place is reserved: at most
  // four for each subscription) and never runs it before it returns. `work.enqueued` is set.
  virtual void SubmitReserved(Work& work) = 0;
};

// One word decides who does what (`state_`):
//   bits 0-3  a drain is scheduled at this priority: its node is with the executor, or runs
//   RUNNING   a drain holds the sink; it looks again after letting go, so others may leave
//   PAUSED    the sink said so          RESUMED  Resume() came before the drain could pause
//   CLOSED    takes no more events      TELL     OnClosed() is still to be called
//   WAITER    somebody sleeps in Close() until RUNNING goes
// A drain at priority p delivers what is at p and above, most urgent first, at most 64 events or
// 0.5 ms; then lets go, looks again and schedules the next at the most urgent priority that has
// something. Within a subscription priority is strict.
// Thread-safe.
class Subscriber final : public RefCounted<Subscriber> {
 public:
  enum class Offered {
    kTaken,       // It waits, or was dropped and counted, by the policy.
    kWouldBlock,  // Policy kBlock and no room: OfferBlocking() decides. Nothing happened yet.
    kClosed,      // Takes no more.
  };

  // A drain ends after this many events or this long, whichever comes first.
  static constexpr size_t kDrainEvents = 64;
  static constexpr int64_t kDrainNs = 500'000;

  // `sink`, `executor`, `clock` and `counters` must outlive the last drain that delivers: the sink
  // until Close() has returned. `options` are valid.
  // If `owned_sink` is set it is the sink, and goes with the subscriber. It is called for each
  // event by itself, and does not pause: so it can be closed between two events of one batch.
  // With a `log`, which must outlive it too, it follows that and has a reader there.
  Subscriber(uint64_t id, SubscribeOptions options, EventSink* sink,
             std::unique_ptr<EventSink> owned_sink, DrainExecutor& executor, const Clock& clock,
             BusCounters& counters, Ref<SubscriberGroup> group = nullptr, ReplayLog* log = nullptr);
  ~Subscriber();

  uint64_t id() const { return id_; }
  // Null: it is in none.
  SubscriberGroup* group() const { return group_.get(); }
  const std::vector<std::string>& filters() const { return options_.filters; }
  SubscriptionInfo Info() const;

  // Takes over one reference to `event` if the answer is kTaken; else it stays the caller's.
  Offered Offer(const Event* event);
  // Waits for room for at most the budget, then disconnects; on a thread that must not wait
  // (NonBlockingThread, or the one that runs the sink) it disconnects at once. As Offer(), never
  // kWouldBlock.
  // REQUIRES: no lock and no epoch is held.
  Offered OfferBlocking(const Event* event);

  // Offer() in steps, for who holds a lock: Place() takes no lock and wakes nobody. Afterwards,
  // outside the lock, Announce() is told the `news`, and if there was kNoRoom, the policy's answer
  // is to wait for the subscriber (WaitsFor()) or to Disconnect() it.
  enum class Placed { kTaken, kNoRoom, kClosed };
  Placed Place(const Event* event, uint32_t& news);
  void Announce(uint32_t news);
  bool WaitsFor(const Event* event) const;
  void Disconnect();
  // Waits until the event has been read from the log, or it is closed, as OfferBlocking() waits for
  // room; false if it had to be disconnected. REQUIRES: no lock and no epoch is held.
  bool WaitUntilRead(const Event* event);

  // Takes over one reference if there is room now, whatever the policy; else false.
  bool OfferIfRoom(const Event* event);
  // Hints: they may be out of date.
  bool IsClosed() const { return (state_.load(std::memory_order_relaxed) & kClosed) != 0; }
  size_t waiting_events() const { return static_cast<size_t>(Waiting().first); }

  // Where it is in the log of what is retained; null: it does not follow that.
  ReplayReader* reader() const { return reader_.get(); }
  // The last position that was put into the lane. Under the log's lock.
  void SetPlaced(Priority priority, uint64_t position) {
    placed_through_[Index(priority)].store(position, std::memory_order_relaxed);
  }
  // Begins to read the log, if there is something. REQUIRES: the reader is attached.
  void StartReading() { LookAgain(); }

  void Resume();
  // See Subscription::Close().
  void Close();
  // Destroys an owned sink now, unless it runs on this thread (then as soon as it returns).
  // REQUIRES: Close() has returned; called once.
  void DropSink();
  // The counts as they are; what publishers that are under way still drop is counted with the bus.
  // REQUIRES: called once; Close() has returned.
  SubscriptionInfo TakeOverCounts();
  // True once: whoever gets it does what follows Close().
  bool BeginToForget() { return !is_forgotten_.exchange(true, std::memory_order_acq_rel); }
  // Whether the executor has nodes of it, or runs one. REQUIRES: Close() has returned; then it gets
  // no more of them.
  bool HasNodesOut() const {
    // acquire: pairs with the drains, which give their bits up; they are done with their nodes.
    return (state_.load(std::memory_order_acquire) & kScheduledMask) != 0;
  }
  // Of what counts as delivered, these were not. REQUIRES: Close() has returned.
  void TakeBack(std::vector<EventRef> untouched);

 private:
  struct DrainNode : Work {
    Subscriber* subscriber = nullptr;
  };
  // What one call of the sink gets: events, each perhaps behind a gap, and a gap at the end of
  // each lane and of each reading.
  struct Batch {
    std::array<Delivery, 2 * kDrainEvents + 2 * kPriorityCount> deliveries;
    size_t size = 0;
  };

  static constexpr uint32_t kScheduledMask = 0xf;
  static constexpr uint32_t kRunning = 1u << 4;
  static constexpr uint32_t kPaused = 1u << 5;
  static constexpr uint32_t kResumed = 1u << 6;
  static constexpr uint32_t kClosed = 1u << 7;
  static constexpr uint32_t kTell = 1u << 8;
  static constexpr uint32_t kWaiter = 1u << 9;
  // In each count of what was dropped.
  static constexpr uint64_t kTakenOver = uint64_t{1} << 63;

  static bool RunDrain(Work& work, const Dispatch& dispatch);
  bool Drain(Priority priority, const Dispatch& dispatch);
  // Becomes the one that is RUNNING; false: somebody else sees to what there is.
  bool TakeSink(Priority priority);
  bool DeliverUntilBudget(Priority priority, const Dispatch& dispatch);
  size_t BatchSize() const;
  // Returns how many events (not gaps) the batch holds.
  size_t FillBatch(Priority lowest, size_t max_events, MonoTime now, Batch& batch);
  // Adds what waits in a lane, or is next in the log; return how many events.
  size_t TakeFromLane(Priority priority, size_t max_events, MonoTime now, Batch& batch);
  size_t ReadFromLog(Priority priority, size_t max_events, Batch& batch);
  // Whether it is to read the log now: there is something, or it is to learn that there is nothing.
  bool IsToRead(Priority priority) const;
  void DropBatch(Batch& batch);
  // The sink gets the batch of `events` events.
  SinkResult CallSink(Batch& batch, size_t events);
  void CallForEach(absl::Span<Delivery> deliveries);
  SinkResult Call(absl::Span<const Delivery> deliveries);
  void LetGo(Priority priority, bool pause);
  void TellClosed();

  // Takes room for an event of `bytes` if there is any.
  bool TryReserve(size_t bytes);
  void GiveBack(size_t events, size_t bytes);
  // `news`: the priorities at which the reader has something to learn, one bit each.
  bool PushReserved(const Event* event, uint32_t& news);
  void MakeRoomAndPush(const Event* event, uint32_t& news);
  // With policy kConflate.
  void Conflate(const Event* event, uint32_t& news);
  bool TryReplace(const Ticket& ticket, const Event* event, uint32_t& news);
  // Whether the event was taken, or refused; else its key has a ticket meanwhile.
  bool PushTicket(const Event* event, std::string key, size_t hash, bool has_key, uint32_t& news);
  // What came out of a lane, or what it stood for.
  const Event* EventOf(const Event* from_lane);
  const Event* TryDrop(Lane& lane);
  bool DropOneUpTo(Priority priority, uint32_t& news);
  void Refuse(const Event* event, DropReason reason, uint32_t& news);
  void CountDropped(DropReason reason, uint64_t n = 1);
  // Events that wait, and their bytes.
  std::pair<uint64_t, uint64_t> Waiting() const;
  // Waits until `is_over`, for at most the budget, then disconnects. Whether it was over in time.
  bool WaitForRoom(absl::FunctionRef<bool()> is_over);
  // To other members of the group, or nowhere.
  void DiscardAll(DropReason reason);
  void Discard(const Event* event, DropReason reason);

  // Schedules a drain unless one is scheduled at `priority` or above.
  void Schedule(Priority priority);
  void LookAgain();
  void Submit(Priority priority);

  // Constant after construction.
  const uint64_t id_;
  const SubscribeOptions options_;
  const size_t max_events_;
  const absl::Time create_time_;
  const bool is_called_for_each_;

  DrainExecutor& executor_;
  const Clock& clock_;
  BusCounters& counters_;
  const Ref<SubscriberGroup> group_;
  ReplayLog* const log_;

  // The RUNNING drain's; after Close(), the closer's.
  std::unique_ptr<EventSink> owned_sink_;
  EventSink& sink_;
  // The RUNNING drain's: what an event took when it was last measured.
  int64_t event_ns_ = kDrainNs;
  // The RUNNING drain's, and the closer's: what a sink that is called for each event is still to
  // get of its batch.
  absl::Span<Delivery> rest_;
  // The RUNNING drain's: whether the log comes before the lane, which they take in turns.
  bool log_first_ = false;

  // Synchronizes itself.
  const std::unique_ptr<Conflation> conflation_;  // With policy kConflate; else null.
  const std::unique_ptr<ReplayReader> reader_;
  std::array<Lane, kPriorityCount> lanes_;       // With policy kConflate, of tickets.
  std::array<DrainNode, kPriorityCount> nodes_;  // Each is its scheduled bit's.
  std::atomic<uint32_t> state_{0};
  std::atomic<bool> is_forgotten_{false};
  // Whose thread runs the sink; so that Close() from the sink does not wait for itself.
  std::atomic<std::thread::id> running_thread_{};
  // Events that wait << 40 | their bytes. One word, so that both bounds hold exactly.
  std::atomic<uint64_t> backlog_{0};
  std::atomic<uint64_t> backlog_events_max_{0};
  // For kBlock: a futex that moves when room may have come, while somebody waits.
  std::atomic<uint32_t> room_{0};
  std::atomic<uint32_t> room_waiters_{0};
  std::atomic<uint64_t> delivered_{0};  // Written by who is RUNNING.
  std::atomic<uint64_t> replayed_{0};   // The same.
  // Of what is retained: the last position that was put into each lane, under the log's lock, and
  // the last that was taken for the sink.
  std::array<std::atomic<uint64_t>, kPriorityCount> placed_through_{};
  std::array<std::atomic<uint64_t>, kPriorityCount> read_through_{};
  std::array<std::atomic<uint64_t>, kDropReasonCount> dropped_{};
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_SUBSCRIBER_H_

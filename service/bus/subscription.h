// What a subscriber says and sees: options, the sink that events arrive at, and the subscription
// itself, which lives as long as the subscriber wants events.
#ifndef TASKFORGE_BUS_SUBSCRIPTION_H_
#define TASKFORGE_BUS_SUBSCRIPTION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/error.h"
#include "base/ref.h"
#include "bus/event.h"
#include "task/priority.h"

namespace taskforge {

// What happens when a subscriber is slower than its events.
enum class SlowSubscriberPolicy : uint8_t {
  // The oldest waiting event goes, of the least urgent priority that is not above the new one's;
  // if all that wait are more urgent, the new one goes.
  kDropOldest,
  kDropNewest,
  // The publisher waits, up to block_budget; then the subscriber is disconnected. Publishers on the
  // pool's threads wait too, so it is for who must lose nothing and can keep up. A subscriber that
  // publishes to itself cannot wait for itself: it is disconnected at once.
  kBlock,
  // The subscriber is disconnected: RESOURCE_EXHAUSTED, reason SLOW_SUBSCRIBER.
  kDisconnect,
  // Of each key only the latest event waits: it takes the place of the one that waited, and comes
  // at that one's priority. What it replaced counts as dropped but is no gap. With more keys than
  // max_events, or more bytes, as kDropOldest.
  kConflate,
};

// How far a subscription has come with what is retained: all that it wants, up to a position of
// each priority (priorities overtake each other). See bus/replay_log.h.
struct ReplayPosition {
  std::array<uint64_t, kPriorityCount> through{};
  // Of what the log had dropped by then, nothing was ever the subscriber's.
  uint64_t trims = 0;
  bool operator==(const ReplayPosition&) const = default;
};

// Where a subscription begins.
struct SubscribeStart {
  enum class At : uint8_t {
    kLatest,    // With what is published from now on.
    kEarliest,  // With the oldest that is retained.
    kLast,      // With the last `last` events of each topic that is retained.
    kPosition,  // Behind `position`.
  };
  At at = At::kLatest;
  uint32_t last = 0;  // 1 to 1000000.
  ReplayPosition position;
};

struct SubscribeOptions {
  std::vector<std::string> filters;  // 1 to 64, see bus/topic.h. An event that matches several
                                     // comes once.
  SlowSubscriberPolicy policy = SlowSubscriberPolicy::kDropOldest;
  absl::Duration block_budget = absl::Milliseconds(100);  // For kBlock; above 0, at most 1 s.
  // For kConflate: the attribute whose value is an event's key (Event::FindAttribute); an event
  // that lacks it is never replaced. Empty: the topic is the key.
  std::string conflate_by;
  // Not empty: a member of the group of this name: of the events that its members want, each goes
  // to one of them (bus/subscriber_group.h). At most 64 bytes; not with kConflate.
  std::string group;
  size_t max_events = 8192;     // That wait; 1 to 1048576, rounded up to a power of two.
  size_t max_bytes = 16 << 20;  // Of those events (Event::bytes); 1 to 256 MiB.
  size_t max_batch = 64;        // Events in one call of the sink; 1 to 64.
  std::string label;            // For people; at most 64 bytes.
  std::string peer;             // The subscriber's address, for people.
  SubscribeStart start;         // Other than kLatest: not with kConflate, and in no group.
};

// Adds everything that is wrong with `options`, under the names of the API's fields.
void CheckSubscribeOptions(const SubscribeOptions& options,
                           std::vector<FieldViolation>& violations);

// An event, or word of events that were lost just here.
struct Delivery {
  EventRef event;       // Null: `missed` events of this priority were lost.
  uint64_t missed = 0;  // 0 when there is an event.
  Priority priority = Priority::kNormal;
  // More than `missed` may be lost: how many is not known any more. Then `missed` may be 0.
  bool at_least = false;
  // Not 0: with this, all that is retained, of this priority, is had up to here.
  uint64_t position = 0;
};

enum class SinkResult { kContinue, kPause };

// Where a subscription's events arrive. Calls come from the pool's threads, one at a time, and each
// sees what the one before wrote. An exception is caught, counted, and taken for kContinue.
// Thread-compatible.
class EventSink {
 public:
  virtual ~EventSink() = default;
  // Takes a batch, in order within each priority. kPause: nothing more comes until
  // Subscription::Resume() (the batch itself is taken).
  virtual SinkResult Deliver(absl::Span<const Delivery> batch) = 0;
  // The bus has ended the subscription: nothing more comes. Called at most once, and not after
  // Subscription::Close(). Comes also while paused.
  virtual void OnClosed(const absl::Status& reason) = 0;
};

enum class DropReason : uint8_t {
  kOldest,        // Made room for a newer event.
  kNewest,        // Came when there was no room.
  kTooLarge,      // Larger than max_bytes by itself.
  kDisconnected,  // Waited when the policy disconnected the subscriber.
  kClosed,        // Waited when the subscriber left.
  kConflated,     // Waited when a newer event of its key came.
  kGone,          // Was retained no longer when its turn came.
};
inline constexpr size_t kDropReasonCount = 7;
// `oldest`, `newest`, `too_large`, `disconnected`, `closed`, `conflated`, `gone`.
absl::string_view Name(DropReason reason);

// A subscription at one time. delivered + dropped + backlog_events is the number of matching events
// that were published, once no publish is under way; of a group, the sum over those who are or were
// members. What is read from the log (is_replaying) counts once it is read.
struct SubscriptionInfo {
  uint64_t id = 0;
  std::vector<std::string> filters;
  SlowSubscriberPolicy policy = SlowSubscriberPolicy::kDropOldest;
  std::string label;
  std::string group;
  std::string peer;
  absl::Time create_time;
  uint64_t backlog_events = 0;
  uint64_t backlog_bytes = 0;
  uint64_t backlog_events_max = 0;  // The most since it began.
  uint64_t delivered = 0;
  uint64_t replayed = 0;      // Of these, read from what is retained.
  bool is_replaying = false;  // There may be more to read there.
  std::array<uint64_t, kDropReasonCount> dropped_by_reason{};
  uint64_t dropped() const {
    uint64_t sum = 0;
    for (uint64_t count : dropped_by_reason) sum += count;
    return sum;
  }
};

class Bus;
class Subscriber;

// Ends the subscription when it goes. The bus must outlive it. Thread-safe.
class Subscription {
 public:
  // Made by Bus::Subscribe.
  Subscription(Bus& bus, Ref<Subscriber> subscriber, std::optional<ReplayPosition> start);
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  uint64_t id() const;
  SubscriptionInfo Info() const;
  // Where it began in the log of what is retained; each Delivery says how far it has come. Nothing:
  // none of what it can get is retained, or it is in a group or conflates.
  const std::optional<ReplayPosition>& start() const { return start_; }

  // After the sink returned kPause (or while it does): events flow again. Call it once for each
  // kPause.
  void Resume();

  // Ends it. After the return nothing is called any more: a running call of the sink is waited for,
  // unless Close() is called from it. Again: does nothing more.
  void Close();
  // The same, where the sink still holds events that it has done nothing with: they go to another
  // member of the group, or count as dropped. `untouched` is called once, after the sink's last
  // call, unless the subscription had been closed before.
  void Close(absl::FunctionRef<std::vector<EventRef>()> untouched);

 private:
  Bus& bus_;
  const Ref<Subscriber> subscriber_;
  const std::optional<ReplayPosition> start_;
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_SUBSCRIPTION_H_

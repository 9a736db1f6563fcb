// The message bus: publishers name a topic, subscribers say which topics they want.
//
// Routing and pushing happen on the publishing thread; sinks are called on the executor's. Order:
// first in, first out for one publisher, one subscription and one priority; gaps only with a count.
// Not promised: order across topics or priorities.
#ifndef TASKFORGE_BUS_BUS_H_
#define TASKFORGE_BUS_BUS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "base/mutex.h"
#include "bus/bus_counters.h"
#include "bus/event.h"
#include "bus/fan_out.h"
#include "bus/replay_log.h"
#include "bus/route_table.h"
#include "bus/subscriber.h"
#include "bus/subscriber_group.h"
#include "bus/subscription.h"
#include "bus/topic_table.h"
#include "sync/epoch.h"

namespace taskforge {

struct BusStats {
  PerPriority<uint64_t> published;
  uint64_t delivered = 0;
  std::array<uint64_t, kDropReasonCount> dropped_by_reason{};
  uint64_t sink_exceptions = 0;
  size_t subscriptions = 0;
  uint64_t backlog_events_max = 0;  // Of the subscription that has the most now.
  size_t replaying = 0;             // Subscriptions that still read what is retained.
  ReplayStats replay;
  HistogramSnapshot delivery;  // From routing until the sink is called.
};

class Publisher;

// Thread-safe.
class Bus {
 public:
  struct Options {
    // Subscriptions at one time; more are refused. One that has ended counts until the executor has
    // run the drains that it had. Each that gets events takes 16 bytes for each of its max_events
    // and each priority that it gets.
    size_t max_subscriptions = 10'000;
    ReplayOptions replay = {};

    void Validate(std::vector<FieldViolation>& violations) const;
  };

  // How many subscriptions an event was routed to; a group counts as one. What a policy then drops
  // counts.
  struct PublishResult {
    uint32_t routed = 0;
  };

  // Called for each event; on the executor's threads, one call at a time.
  using Callback = absl::AnyInvocable<void(const Event&)>;

  // `executor` and `clock` must outlive the bus. REQUIRES: when the bus goes, no Subscription
  // and no Publisher is left, and the executor runs no drain any more.
  Bus(Options options, DrainExecutor& executor, const Clock& clock);
  ~Bus();

  // Routes an event to all who want it. REQUIRES: a valid topic (CheckTopic, or TaskTopic). Never
  // waits, unless a subscription with policy kBlock has no room; on a thread that must not wait
  // (base/scoped_blocking.h) such a subscription is disconnected at once.
  PublishResult Publish(EventRef event);
  // The same for many, in their order.
  std::vector<PublishResult> PublishBatch(absl::Span<const EventRef> events);
  // Whether nobody subscribes to anything now and nothing is retained: then no topic need be made
  // up.
  bool IsQuiet() const;
  // Whether anybody would get an event of this topic now, or later because it is retained.
  bool HasSubscribers(absl::string_view topic) const;

  // Events from options.start on go to `sink`, which must outlive the subscription.
  // INVALID_ARGUMENT with all violations; RESOURCE_EXHAUSTED, reason SUBSCRIPTIONS_FULL, with quota
  // and retry_after; FAILED_PRECONDITION, reason NOT_RETAINED: it is to begin in the past, and
  // nothing that its filters stand for is retained.
  absl::StatusOr<std::unique_ptr<Subscription>> Subscribe(SubscribeOptions options, EventSink& sink)
      ABSL_LOCKS_EXCLUDED(mu_);
  // The same with a function for each event. What the policy drops, and being disconnected by it,
  // shows in the counts only.
  absl::StatusOr<std::unique_ptr<Subscription>> Subscribe(SubscribeOptions options,
                                                          Callback callback)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Where a subscription that begins at kEarliest would begin now.
  ReplayPosition OldestRetained() const;

  BusStats Stats() const ABSL_LOCKS_EXCLUDED(mu_);
  // The live subscriptions, oldest first: at most `limit` with an id above `after_id`.
  std::vector<SubscriptionInfo> ListSubscriptions(uint64_t after_id, size_t limit) const
      ABSL_LOCKS_EXCLUDED(mu_);
  // Topics published on lately that match `filter` (empty: all), in the order of their text: at
  // most `limit` behind `after`. Up to 4096 are remembered, and all that have a
  // Publisher.
  std::vector<TopicInfo> ListTopics(absl::string_view filter, absl::string_view after,
                                    size_t limit) const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  friend class Subscription;
  friend class Publisher;

  absl::StatusOr<std::unique_ptr<Subscription>> SubscribeWith(SubscribeOptions options,
                                                              EventSink* sink,
                                                              std::unique_ptr<EventSink> owned_sink)
      ABSL_LOCKS_EXCLUDED(mu_);

  uint32_t Route(EventRef event);
  bool IsRetained(absl::string_view topic) const { return log_ != nullptr && log_->Retains(topic); }
  // REQUIRES: inside a guard; the event's topic is retained.
  void RouteRetained(FanOut& fan_out, MonoTime now, FanOut::ToWaitFor& to_wait_for);
  // Whether such a subscription follows the log. FAILED_PRECONDITION as in Subscribe().
  absl::StatusOr<bool> Follows(const SubscribeOptions& options) const;
  void Register(Publisher& publisher) ABSL_LOCKS_EXCLUDED(mu_);
  void Unregister(Publisher& publisher) ABSL_LOCKS_EXCLUDED(mu_);
  // Ends a subscription: no routes, no calls any more, its counts kept.
  void Forget(Subscriber& subscriber, absl::FunctionRef<std::vector<EventRef>()> untouched)
      ABSL_LOCKS_EXCLUDED(mu_);
  struct KnownGroup {
    Ref<SubscriberGroup> group;
    size_t members = 0;  // In live_.
  };
  // Hands over those of leaving_ that have left: they are to go outside the lock.
  std::vector<Ref<Subscriber>> TakeLeft() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The group of that name, with one member more; null for no name.
  Ref<SubscriberGroup> GroupOf(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  const Options options_;
  DrainExecutor& executor_;
  const Clock& clock_;

  // Synchronizes itself.
  BusCounters counters_;
  mutable EpochDomain epochs_;
  RouteTable routes_;
  TopicTable topics_;
  const std::unique_ptr<ReplayLog> log_;  // Null: nothing is retained.

  mutable Mutex mu_;
  std::map<uint64_t, Ref<Subscriber>> live_ ABSL_GUARDED_BY(mu_);
  // Ended, but the executor still had nodes of them. They count as subscriptions there: it has room
  // for the nodes of no more than there may be.
  std::vector<Ref<Subscriber>> leaving_ ABSL_GUARDED_BY(mu_);
  size_t look_at_leaving_ ABSL_GUARDED_BY(mu_) = 0;  // When there are so many.
  // Those with members, by name.
  std::map<std::string, KnownGroup> groups_ ABSL_GUARDED_BY(mu_);
  std::set<Publisher*> publishers_ ABSL_GUARDED_BY(mu_);
  uint64_t last_id_ ABSL_GUARDED_BY(mu_) = 0;
  // Counts of subscriptions that have ended.
  uint64_t ended_delivered_ ABSL_GUARDED_BY(mu_) = 0;
  std::array<uint64_t, kDropReasonCount> ended_dropped_ ABSL_GUARDED_BY(mu_){};
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_BUS_H_

#include "bus/bus.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace taskforge {
namespace {

// A function as a sink.
class CallbackSink final : public EventSink {
 public:
  explicit CallbackSink(Bus::Callback callback) : callback_(std::move(callback)) {}

  SinkResult Deliver(absl::Span<const Delivery> batch) override {
    for (const Delivery& delivery : batch) {
      if (delivery.event) callback_(*delivery.event);
    }
    return SinkResult::kContinue;
  }
  void OnClosed(const absl::Status&) override {}

 private:
  Bus::Callback callback_;
};

}  // namespace

void Bus::Options::Validate(std::vector<FieldViolation>& violations) const {
  if (max_subscriptions < 1 || max_subscriptions > 1'000'000) {
    violations.push_back({"max_subscriptions", "must be 1 to 1000000"});
  }
}

Bus::Bus(Options options, DrainExecutor& executor, const Clock& clock)
    : options_(options), executor_(executor), clock_(clock) {}
Bus::~Bus() = default;

Bus::PublishResult Bus::Publish(EventRef event) {
  return PublishBatch(absl::MakeConstSpan(&event, 1))[0];
}

std::vector<Bus::PublishResult> Bus::PublishBatch(absl::Span<const EventRef> events) {
  std::vector<PublishResult> results;
  results.reserve(events.size());
  for (const EventRef& event : events) results.push_back({Route(*event)});
  return results;
}

uint32_t Bus::Route(const Event& event) {
  counters_.CountPublished(event->priority);
  // A subscriber that must be waited for is kept beyond the snapshot.
  absl::InlinedVector<Ref<Subscriber>, 4> to_wait_for;
  uint32_t routed = 0;
  {
    const RouteTable::Snapshot snapshot(routes_);
    RouteTable::Matched matched;
    snapshot.Match(event->topic, matched);
    if (matched.empty()) return 0;
    event.StampPublished(clock_.Monotonic());
    event.AddRef(static_cast<uint32_t>(matched.size()));
    for (Subscriber* subscriber : matched) {
      const Subscriber::Offered offered = subscriber->Offer(&event);
      if (offered == Subscriber::Offered::kTaken) ++routed;
      if (offered == Subscriber::Offered::kWouldBlock) to_wait_for.emplace_back(subscriber);
    }
    const uint32_t unused = static_cast<uint32_t>(matched.size() - routed - to_wait_for.size());
    if (unused > 0) event.Release(unused);
  }
  for (const Ref<Subscriber>& subscriber : to_wait_for) {
    if (subscriber->OfferBlocking(&event) == Subscriber::Offered::kTaken) {
      ++routed;
    } else {
      event.Release();
    }
  }
  return routed;
}

bool Bus::HasSubscribers(absl::string_view topic) const {
  const RouteTable::Snapshot snapshot(routes_);
  RouteTable::Matched matched;
  snapshot.Match(topic, matched);
  return !matched.empty();
}

absl::StatusOr<std::unique_ptr<Subscription>> Bus::Subscribe(SubscribeOptions options,
                                                             EventSink& sink) {
  return SubscribeWith(std::move(options), &sink, nullptr);
}

absl::StatusOr<std::unique_ptr<Subscription>> Bus::Subscribe(SubscribeOptions options,
                                                             Callback callback) {
  options.max_batch = 1;  // A drain looks at the clock between calls of the sink.
  return SubscribeWith(std::move(options), nullptr,
                       std::make_unique<CallbackSink>(std::move(callback)));
}

absl::StatusOr<std::unique_ptr<Subscription>> Bus::SubscribeWith(
    SubscribeOptions options, EventSink* sink, std::unique_ptr<EventSink> owned_sink) {
  std::vector<FieldViolation> violations;
  CheckSubscribeOptions(options, violations);
  if (!violations.empty()) return InvalidArgument(std::move(violations));
  Ref<Subscriber> subscriber;
  {
    MutexLock lock(mu_);
    if (live_.size() >= options_.max_subscriptions) {
      return ReasonError(absl::StatusCode::kResourceExhausted, "SUBSCRIPTIONS_FULL",
                         absl::StrCat("the bus is full: ", options_.max_subscriptions,
                                      " subscriptions (bus.max_subscriptions)"));
    }
    subscriber = MakeRef<Subscriber>(++last_id_, std::move(options), sink, std::move(owned_sink),
                                     executor_, clock_, counters_);
    live_.emplace(subscriber->id(), subscriber);
  }
  routes_.Add(subscriber);
  return std::make_unique<Subscription>(*this, std::move(subscriber));
}

void Bus::Forget(Subscriber& subscriber) {
  routes_.Remove(subscriber);
  subscriber.Close();
  MutexLock lock(mu_);
  if (live_.erase(subscriber.id()) == 0) return;
  const SubscriptionInfo last = subscriber.Info();
  ended_delivered_ += last.delivered;
  for (size_t i = 0; i < kDropReasonCount; ++i) ended_dropped_[i] += last.dropped_by_reason[i];
}

BusStats Bus::Stats() const {
  BusStats stats;
  for (Priority priority : kPriorities) stats.published[priority] = counters_.published(priority);
  stats.sink_exceptions = counters_.sink_exceptions();
  stats.delivery = counters_.Latency();
  MutexLock lock(mu_);
  stats.subscriptions = live_.size();
  stats.delivered = ended_delivered_;
  stats.dropped_by_reason = ended_dropped_;
  for (const auto& [id, subscriber] : live_) {
    const SubscriptionInfo info = subscriber->Info();
    stats.delivered += info.delivered;
    for (size_t i = 0; i < kDropReasonCount; ++i) {
      stats.dropped_by_reason[i] += info.dropped_by_reason[i];
    }
    stats.backlog_events_max = std::max(stats.backlog_events_max, info.backlog_events);
  }
  return stats;
}

std::vector<SubscriptionInfo> Bus::ListSubscriptions(uint64_t after_id, size_t limit) const {
  std::vector<SubscriptionInfo> infos;
  MutexLock lock(mu_);
  for (auto it = live_.upper_bound(after_id); it != live_.end() && infos.size() < limit; ++it) {
    infos.push_back(it->second->Info());
  }
  return infos;
}

}  // namespace taskforge

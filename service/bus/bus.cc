#include "bus/bus.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "bus/publisher.h"
#include "bus/topic.h"

namespace taskforge {
namespace {

// Old routes and subscribers that may wait to be freed when a subscription ends.
constexpr size_t kMaxGarbage = 16;
// As many that have ended are kept before any is looked at again.
constexpr size_t kLeastLeaving = 16;
// Subscriptions end when they like: there is no rate to tell from.
constexpr absl::Duration kFullRetryAfter = absl::Seconds(1);

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
    violations.push_back({"bus.max_subscriptions", "must be 1 to 1000000"});
  }
  replay.Validate(violations);
}

Bus::Bus(Options options, DrainExecutor& executor, const Clock& clock)
    : options_(std::move(options)),
      executor_(executor),
      clock_(clock),
      routes_(epochs_),
      topics_(epochs_),
      log_(options_.replay.filters.empty() ? nullptr
                                           : std::make_unique<ReplayLog>(options_.replay)) {}
Bus::~Bus() = default;

Bus::PublishResult Bus::Publish(EventRef event) { return {Route(std::move(event))}; }

std::vector<Bus::PublishResult> Bus::PublishBatch(absl::Span<const EventRef> events) {
  std::vector<PublishResult> results;
  results.reserve(events.size());
  for (const EventRef& event : events) results.push_back({Route(event)});
  return results;
}

uint32_t Bus::Route(EventRef event) {
  const MonoTime now = clock_.Monotonic();
  counters_.CountPublished(event->priority());
  FanOut fan_out(std::move(event));
  FanOut::ToWaitFor to_wait_for;
  {
    const EpochDomain::Guard guard(epochs_);
    topics_.Count(fan_out.event().topic(), now);
    if (IsRetained(fan_out.event().topic())) {
      RouteRetained(fan_out, now, to_wait_for);
    } else {
      RouteTable::Matched matched;
      routes_.Match(fan_out.event().topic(), matched);
      fan_out.OfferAll(matched, now, to_wait_for);
    }
  }
  fan_out.OfferBlocking(to_wait_for);
  return fan_out.taken();
}

void Bus::RouteRetained(FanOut& fan_out, MonoTime now, FanOut::ToWaitFor& to_wait_for) {
  const absl::string_view topic = fan_out.event().topic();
  const std::atomic<uint64_t>& generation = routes_.Generation(topic);
  // acquire: pairs with the increment in RouteTable, as below.
  const uint64_t seen = generation.load(std::memory_order_acquire);
  RouteTable::Matched matched;
  routes_.Match(topic, matched);
  log_->Append(EventRef(&fan_out.event()), [&] {
    // Who came since may have read to the end of the log already, and is to get this pushed.
    if (generation.load(std::memory_order_acquire) != seen) {
      matched.clear();
      routes_.Match(topic, matched);
    }
    return fan_out.PlaceWithFollowers(matched, now);
  });
  fan_out.OfferToOthers(matched, now, to_wait_for);
}

bool Bus::IsQuiet() const { return log_ == nullptr && routes_.IsEmpty(); }

bool Bus::HasSubscribers(absl::string_view topic) const {
  if (IsRetained(topic)) return true;
  const EpochDomain::Guard guard(epochs_);
  RouteTable::Matched matched;
  routes_.Match(topic, matched);
  return !matched.empty();
}

absl::StatusOr<std::unique_ptr<Subscription>> Bus::Subscribe(SubscribeOptions options,
                                                             EventSink& sink) {
  return SubscribeWith(std::move(options), &sink, nullptr);
}

absl::StatusOr<std::unique_ptr<Subscription>> Bus::Subscribe(SubscribeOptions options,
                                                             Callback callback) {
  return SubscribeWith(std::move(options), nullptr,
                       std::make_unique<CallbackSink>(std::move(callback)));
}

absl::StatusOr<std::unique_ptr<Subscription>> Bus::SubscribeWith(
    SubscribeOptions options, EventSink* sink, std::unique_ptr<EventSink> owned_sink) {
  std::vector<FieldViolation> violations;
  CheckSubscribeOptions(options, violations);
  if (!violations.empty()) return InvalidArgument(std::move(violations));
  const absl::StatusOr<bool> follows = Follows(options);
  if (!follows.ok()) return follows.status();
  const SubscribeStart start = options.start;
  Ref<Subscriber> subscriber;
  std::vector<Ref<Subscriber>> left;
  {
    MutexLock lock(mu_);
    if (live_.size() + leaving_.size() >= options_.max_subscriptions) left = TakeLeft();
    const size_t count = live_.size() + leaving_.size();
    if (count >= options_.max_subscriptions) {
      return QuotaError("SUBSCRIPTIONS_FULL",
                        absl::StrCat("the bus is full: ", options_.max_subscriptions,
                                     " subscriptions (bus.max_subscriptions)"),
                        {"subscriptions",
                         absl::StrCat(count, " of ", options_.max_subscriptions, " subscriptions")},
                        kFullRetryAfter);
    }
    Ref<SubscriberGroup> group = GroupOf(options.group);
    subscriber =
        MakeRef<Subscriber>(++last_id_, std::move(options), sink, std::move(owned_sink), executor_,
                            clock_, counters_, std::move(group), *follows ? log_.get() : nullptr);
    live_.emplace(subscriber->id(), subscriber);
  }
  if (subscriber->group() != nullptr) subscriber->group()->Join(subscriber);
  ReplayReader* reader = subscriber->reader();
  if (reader == nullptr) {
    routes_.Add(subscriber);
    return std::make_unique<Subscription>(*this, std::move(subscriber), std::nullopt);
  }
  const absl::StatusOr<ReplayPosition> position = log_->Attach(*reader, start);
  if (!position.ok()) {
    Forget(*subscriber, [] { return std::vector<EventRef>(); });
    return position.status();
  }
  routes_.Add(subscriber);
  log_->StartLive(*reader);
  subscriber->StartReading();
  return std::make_unique<Subscription>(*this, std::move(subscriber), *position);
}

absl::StatusOr<bool> Bus::Follows(const SubscribeOptions& options) const {
  const bool is_retained = log_ != nullptr && log_->MayRetain(options.filters);
  if (!is_retained && options.start.at != SubscribeStart::At::kLatest) {
    return ReasonError(absl::StatusCode::kFailedPrecondition, "NOT_RETAINED",
                       absl::StrCat("nothing that these filters stand for is retained: start at "
                                    "what is new, or have the server retain it "
                                    "(bus.replay.filters is \"",
                                    absl::StrJoin(options_.replay.filters, ","), "\")"));
  }
  return is_retained && options.group.empty() && options.policy != SlowSubscriberPolicy::kConflate;
}

std::vector<Ref<Subscriber>> Bus::TakeLeft() {
  const auto left = std::partition(leaving_.begin(), leaving_.end(),
                                   [](const auto& each) { return each->HasNodesOut(); });
  std::vector<Ref<Subscriber>> taken(std::make_move_iterator(left),
                                     std::make_move_iterator(leaving_.end()));
  leaving_.erase(left, leaving_.end());
  // Twice as many as could not be spared: so a look costs little for each that ends.
  look_at_leaving_ = std::max(kLeastLeaving, 2 * leaving_.size());
  return taken;
}

Ref<SubscriberGroup> Bus::GroupOf(const std::string& name) {
  if (name.empty()) return nullptr;
  KnownGroup& known = groups_[name];
  if (!known.group) known.group = MakeRef<SubscriberGroup>(name);
  ++known.members;
  return known.group;
}

void Bus::Forget(Subscriber& subscriber, absl::FunctionRef<std::vector<EventRef>()> untouched) {
  subscriber.Close();
  if (!subscriber.BeginToForget()) return;  // Somebody else does the rest.
  SubscriberGroup* group = subscriber.group();
  if (group != nullptr) group->Leave(subscriber);
  subscriber.TakeBack(untouched());
  std::vector<Ref<Subscriber>> left;
  {
    MutexLock lock(mu_);
    live_.erase(subscriber.id());
    if (subscriber.HasNodesOut()) leaving_.emplace_back(&subscriber);
    if (leaving_.size() > look_at_leaving_) left = TakeLeft();
    if (group != nullptr) {
      const auto known = groups_.find(group->name());
      if (--known->second.members == 0) groups_.erase(known);
    }
    const SubscriptionInfo last = subscriber.TakeOverCounts();
    ended_delivered_ += last.delivered;
    for (size_t i = 0; i < kDropReasonCount; ++i) ended_dropped_[i] += last.dropped_by_reason[i];
  }
  subscriber.DropSink();
  routes_.Remove(subscriber);
  if (subscriber.reader() != nullptr) log_->Detach(*subscriber.reader());
  // So that its rings go soon; only publishers that are just routing are waited for.
  epochs_.Quiesce(kMaxGarbage);
}

ReplayPosition Bus::OldestRetained() const {
  return log_ == nullptr ? ReplayPosition() : log_->Oldest();
}

BusStats Bus::Stats() const {
  BusStats stats;
  if (log_ != nullptr) stats.replay = log_->Stats();
  for (Priority priority : kPriorities) stats.published[priority] = counters_.published(priority);
  stats.sink_exceptions = counters_.sink_exceptions();
  stats.delivery = counters_.Latency();
  MutexLock lock(mu_);
  stats.subscriptions = live_.size();
  stats.delivered = ended_delivered_;
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    stats.dropped_by_reason[i] = ended_dropped_[i] + counters_.late_dropped(i);
  }
  for (const auto& [id, subscriber] : live_) {
    const SubscriptionInfo info = subscriber->Info();
    stats.delivered += info.delivered;
    for (size_t i = 0; i < kDropReasonCount; ++i) {
      stats.dropped_by_reason[i] += info.dropped_by_reason[i];
    }
    stats.backlog_events_max = std::max(stats.backlog_events_max, info.backlog_events);
    if (info.is_replaying) ++stats.replaying;
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

void Bus::Register(Publisher& publisher) {
  MutexLock lock(mu_);
  publishers_.insert(&publisher);
}

void Bus::Unregister(Publisher& publisher) {
  MutexLock lock(mu_);
  publishers_.erase(&publisher);
}

std::vector<TopicInfo> Bus::ListTopics(absl::string_view filter, absl::string_view after,
                                       size_t limit) const {
  std::vector<TopicInfo> all = topics_.List(clock_);
  {
    MutexLock lock(mu_);
    for (const Publisher* publisher : publishers_) all.push_back(publisher->Info());
  }
  std::map<absl::string_view, TopicInfo> by_topic;
  for (TopicInfo& info : all) {
    if (info.published == 0 || info.topic <= after) continue;
    if (!filter.empty() && !Matches(filter, info.topic)) continue;
    TopicInfo& sum = by_topic.try_emplace(info.topic).first->second;
    sum.published += info.published;
    sum.last_publish_time = std::max(sum.last_publish_time, info.last_publish_time);
  }
  std::vector<TopicInfo> page;
  for (auto& [topic, info] : by_topic) {
    if (page.size() == limit) break;
    info.topic = std::string(topic);
    if (log_ != nullptr) info.retained = log_->EventsOf(topic);
    page.push_back(std::move(info));
  }
  return page;
}

}  // namespace taskforge

#include "rpc/bus_service.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/error.h"
#include "bus/topic.h"
#include "rpc/convert.h"
#include "rpc/paging.h"
#include "rpc/replay_cursor.h"
#include "rpc/subscribe_stream.h"
#include "task/trace.h"

namespace taskforge {
namespace {

using ::taskforge::ToProto;  // The overloads here would hide it.

constexpr int kMaxEvents = 1000;
constexpr int kMaxAttributes = 32;
constexpr size_t kMaxAttributeName = 20;
constexpr size_t kMaxAttributeValue = 1024;
constexpr size_t kMaxTextBytes = 256;  // Of id, source, type, subject.
constexpr char kDefaultType[] = "taskforge.event";
constexpr char kSubscriptions[] = "subscriptions/";

bool IsAttributeName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxAttributeName) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) ||
           absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

void CheckText(const std::string& text, const std::string& field, Violations& violations) {
  if (text.size() > kMaxTextBytes) {
    violations.Add(field, absl::StrCat(text.size(), " bytes; want at most ", kMaxTextBytes));
  }
}

std::optional<SlowSubscriberPolicy> PolicyFrom(v1::SlowSubscriberPolicy policy) {
  switch (policy) {
    case v1::SLOW_SUBSCRIBER_POLICY_UNSPECIFIED:
    case v1::SLOW_SUBSCRIBER_POLICY_DROP_OLDEST:
      return SlowSubscriberPolicy::kDropOldest;
    case v1::SLOW_SUBSCRIBER_POLICY_DROP_NEWEST:
      return SlowSubscriberPolicy::kDropNewest;
    case v1::SLOW_SUBSCRIBER_POLICY_BLOCK:
      return SlowSubscriberPolicy::kBlock;
    case v1::SLOW_SUBSCRIBER_POLICY_DISCONNECT:
      return SlowSubscriberPolicy::kDisconnect;
    case v1::SLOW_SUBSCRIBER_POLICY_CONFLATE:
      return SlowSubscriberPolicy::kConflate;
    default:
      return std::nullopt;
  }
}

v1::SlowSubscriberPolicy ToProto(SlowSubscriberPolicy policy) {
  return static_cast<v1::SlowSubscriberPolicy>(static_cast<int>(policy) + 1);
}
static_assert(static_cast<int>(SlowSubscriberPolicy::kConflate) + 1 ==
              v1::SLOW_SUBSCRIBER_POLICY_CONFLATE);

SubscribeOptions OptionsFrom(const v1::SubscribeRequest& request, const std::string& peer,
                             Violations& violations) {
  SubscribeOptions options;
  options.filters.assign(request.filters().begin(), request.filters().end());
  const std::optional<SlowSubscriberPolicy> policy = PolicyFrom(request.policy());
  if (!policy.has_value()) {
    violations.Add("policy", absl::StrCat("unknown value ", static_cast<int>(request.policy())));
  }
  options.policy = policy.value_or(options.policy);
  if (request.has_block_budget()) {
    options.block_budget = DurationFromProto(request.block_budget(), "block_budget", violations)
                               .value_or(options.block_budget);
    if (policy.has_value() && *policy != SlowSubscriberPolicy::kBlock) {
      violations.Add("block_budget",
                     "means nothing without the policy SLOW_SUBSCRIBER_POLICY_BLOCK: set that, or "
                     "leave it out");
    }
  }
  if (request.max_events() != 0) options.max_events = request.max_events();
  if (request.max_bytes() != 0) options.max_bytes = request.max_bytes();
  options.conflate_by = request.conflate_by();
  options.group = request.group();
  options.label = request.label();
  options.peer = peer;
  return options;
}

void ToProto(const SubscriptionInfo& info, v1::Subscription& out) {
  out.set_name(absl::StrCat(kSubscriptions, info.id));
  for (const std::string& filter : info.filters) out.add_filters(filter);
  out.set_policy(ToProto(info.policy));
  out.set_label(info.label);
  out.set_group(info.group);
  out.set_peer(info.peer);
  ToProto(info.create_time, *out.mutable_create_time());
  out.set_backlog_events(info.backlog_events);
  out.set_backlog_bytes(info.backlog_bytes);
  out.set_delivered(info.delivered);
  out.set_replayed(info.replayed);
  out.set_replaying(info.is_replaying);
  out.set_dropped(info.dropped());
  out.set_conflated(info.dropped_by_reason[static_cast<size_t>(DropReason::kConflated)]);
}

// What the call says, where the event says nothing itself.
void TakeTrace(const CallTrace& trace, EventFields& fields) {
  if (!trace.traceparent.empty()) {
    fields.attributes.try_emplace(kTraceparentAttribute, trace.traceparent);
  }
  if (!trace.x_request_id.empty()) {
    fields.attributes.try_emplace(kXRequestIdAttribute, trace.x_request_id);
  }
}

bool Decode(grpc::ByteBuffer& bytes, v1::SubscribeRequest& request) {
  return grpc::SerializationTraits<v1::SubscribeRequest>::Deserialize(&bytes, &request).ok();
}

// A message of these bytes, which are not copied.
grpc::ByteBuffer MessageOf(std::string encoded) {
  auto* const kept = new std::string(std::move(encoded));
  const grpc::Slice slice(
      kept->data(), kept->size(), [](void* string) { delete static_cast<std::string*>(string); },
      kept);
  return grpc::ByteBuffer(&slice, 1);
}

// Counts a subscription that may hold up publishers.
class CountBlocking {
 public:
  CountBlocking(std::atomic<int>& count, bool blocks) : count_(count), blocks_(blocks) {
    if (blocks_) count_.fetch_add(1);
  }
  ~CountBlocking() {
    if (blocks_) count_.fetch_sub(1);
  }
  CountBlocking(const CountBlocking&) = delete;
  CountBlocking& operator=(const CountBlocking&) = delete;

 private:
  std::atomic<int>& count_;
  const bool blocks_;
};

}  // namespace

void BusService::AddTo(MethodList& methods) {
  methods.Add(kName, "Publish", generated_, &Generated::RequestPublish, *this,
              &BusService::Publish);
  methods.Add(kName, "Subscribe", generated_, &Generated::RequestSubscribe, *this,
              &BusService::Subscribe);
  methods.Add(kName, "ListTopics", generated_, &Generated::RequestListTopics, *this,
              &BusService::ListTopics);
  methods.Add(kName, "ListSubscriptions", generated_, &Generated::RequestListSubscriptions, *this,
              &BusService::ListSubscriptions);
}

EventFields BusService::EventFrom(v1::Event& event, const std::string& peer,
                                  const std::string& field, Violations& violations) const {
  EventFields fields;
  std::vector<FieldViolation> wrong;
  CheckTopic(event.topic(), absl::StrCat(field, ".topic"), wrong);
  violations.Add(std::move(wrong));
  if (IsReservedTopic(event.topic())) {
    violations.Add(absl::StrCat(field, ".topic"),
                   "topics below task and sys are the server's own; want another first token");
  }
  CheckText(event.id(), absl::StrCat(field, ".id"), violations);
  CheckText(event.source(), absl::StrCat(field, ".source"), violations);
  CheckText(event.type(), absl::StrCat(field, ".type"), violations);
  CheckText(event.subject(), absl::StrCat(field, ".subject"), violations);
  if (event.attributes_size() > kMaxAttributes) {
    violations.Add(absl::StrCat(field, ".attributes"),
                   absl::StrCat(event.attributes_size(), "; want at most ", kMaxAttributes));
  }
  for (const auto& [name, value] : event.attributes()) {
    if (!IsAttributeName(name) || value.size() > kMaxAttributeValue) {
      violations.Add(absl::StrCat(field, ".attributes"),
                     "want names of [a-z0-9]{1,20} and values of at most 1024 bytes");
      break;
    }
    fields.attributes.emplace(name, value);
  }
  fields.time = parts_.clock.Now();
  if (event.has_time()) {
    fields.time =
        TimeFromProto(event.time(), absl::StrCat(field, ".time"), violations).value_or(fields.time);
  }
  fields.priority =
      PriorityFromProto(event.priority(), absl::StrCat(field, ".priority"), violations)
          .value_or(Priority::kNormal);
  if (event.has_data()) fields.data = PayloadFromProto(event.data());
  if (fields.data.data.size() > parts_.max_payload_bytes) {
    violations.Add(absl::StrCat(field, ".data"),
                   absl::StrCat(fields.data.data.size(), " bytes; want at most ",
                                parts_.max_payload_bytes, " (limits.max_payload_bytes)"));
  }
  fields.id = event.id().empty() ? parts_.make_id() : event.id();
  fields.source = event.source().empty() ? peer : event.source();
  fields.type = event.type().empty() ? kDefaultType : event.type();
  fields.subject = event.subject();
  fields.topic = event.topic();
  return fields;
}

Reply BusService::Publish(UnaryCall<v1::PublishRequest, v1::PublishResponse>& call) {
  Violations violations;
  v1::PublishRequest& request = call.mutable_request();
  if (request.events_size() < 1 || request.events_size() > kMaxEvents) {
    violations.Add("events",
                   absl::StrCat(request.events_size(), " events; want 1 to ", kMaxEvents));
    co_return violations.TakeStatus();
  }
  const std::string peer = call.context().peer();
  const CallTrace trace = call.Trace();
  std::vector<EventRef> events;
  events.reserve(static_cast<size_t>(request.events_size()));
  for (int i = 0; i < request.events_size(); ++i) {
    const std::string field = absl::StrCat("events[", i, "]");
    EventFields fields = EventFrom(*request.mutable_events(i), peer, field, violations);
    TakeTrace(trace, fields);
    events.push_back(MakeEvent(std::move(fields)));
  }
  if (!violations.empty()) co_return violations.TakeStatus();
  if (parts_.is_draining()) {
    co_return DrainingError("the server is draining and takes no new events: try another one");
  }
  if (blocking_subscriptions_.load() > 0) {
    auto elsewhere = MakeRef<Eventual<bool>>();
    parts_.blocking_executor.Execute([elsewhere] { elsewhere->Set(true); });
    Eventual<bool>& there = *elsewhere;
    co_await there;  // From here on it runs where it may wait.
  }
  for (const Bus::PublishResult& result : parts_.bus.PublishBatch(events)) {
    call.response().add_routed(result.routed);
  }
  for (const EventRef& event : events) call.response().add_ids(event->fields().id);
  co_return absl::OkStatus();
}

absl::Status BusService::TakeStart(const v1::SubscribeRequest& request, SubscribeOptions& options,
                                   Violations& violations) const {
  SubscribeStart& start = options.start;
  switch (request.start_case()) {
    case v1::SubscribeRequest::START_NOT_SET:
      break;
    case v1::SubscribeRequest::kAt:
      if (request.at() == v1::START_AT_EARLIEST) start.at = SubscribeStart::At::kEarliest;
      if (!v1::StartAt_IsValid(request.at())) {
        violations.Add("at", absl::StrCat("unknown value ", static_cast<int>(request.at())));
      }
      break;
    case v1::SubscribeRequest::kLast:
      start.at = SubscribeStart::At::kLast;
      start.last = request.last();
      break;
    case v1::SubscribeRequest::kCursor: {
      start.at = SubscribeStart::At::kPosition;
      const absl::StatusOr<ReplayPosition> position =
          ReplayPositionFrom(request.cursor(), parts_.boot_epoch, parts_.bus.OldestRetained());
      if (absl::IsOutOfRange(position.status())) return position.status();
      if (!position.ok()) violations.Add(DetailsOf(position.status()).field_violations);
      start.position = position.value_or(ReplayPosition());
      break;
    }
  }
  std::vector<FieldViolation> wrong;
  CheckSubscribeOptions(options, wrong);
  violations.Add(std::move(wrong));
  return violations.empty() ? absl::OkStatus() : violations.TakeStatus();
}

Reply BusService::Subscribe(ServerStreamCall<grpc::ByteBuffer, grpc::ByteBuffer>& call) {
  v1::SubscribeRequest request;
  if (!Decode(call.mutable_request(), request)) {
    co_return absl::InvalidArgumentError("the request is not a taskforge.v1.SubscribeRequest");
  }
  Violations violations;
  SubscribeOptions options = OptionsFrom(request, call.context().peer(), violations);
  const absl::Status checked = TakeStart(request, options, violations);
  if (!checked.ok()) co_return checked;
  auto stream = MakeRef<SubscribeStream>(request.omit_payloads());
  const CountBlocking blocking(blocking_subscriptions_,
                               options.policy == SlowSubscriberPolicy::kBlock);
  auto subscription = parts_.bus.Subscribe(std::move(options), *stream);
  if (!subscription.ok()) co_return subscription.status();
  call.OnEnd([stream](Call::End end) { stream->End(EndStatus(end)); });
  if ((*subscription)->start().has_value()) {
    stream->Follow(*(*subscription)->start(), parts_.boot_epoch);
  }
  v1::SubscribeResponse response;
  response.set_cursor(stream->Cursor());
  response.set_subscription(absl::StrCat(kSubscriptions, (*subscription)->id()));
  {
    const grpc::ByteBuffer message = MessageOf(response.SerializeAsString());
    auto hello = call.Write(message);
    if (!co_await hello) stream->End(EndStatus(Call::End::kCancelled));
  }
  Wakeup& more = stream->more();
  while (!stream->is_over()) {
    std::string frame;
    bool resume = false;
    const bool has_something = stream->Collect(frame, resume);
    if (resume) (*subscription)->Resume();
    if (has_something) {
      // Goes with the write: a stream that waits holds no message.
      const grpc::ByteBuffer message = MessageOf(std::move(frame));
      auto write = call.Write(message);
      if (!co_await write) stream->End(EndStatus(Call::End::kCancelled));
    } else if (!resume && !stream->is_over()) {
      co_await more;
    }
  }
  (*subscription)->Close([&stream] { return stream->TakeUnsent(); });
  co_return stream->status();
}

Reply BusService::ListTopics(UnaryCall<v1::ListTopicsRequest, v1::ListTopicsResponse>& call) {
  Violations violations;
  const v1::ListTopicsRequest& request = call.request();
  const size_t page_size = static_cast<size_t>(PageSizeFrom(request.page_size(), violations));
  if (!request.filter().empty()) {
    std::vector<FieldViolation> wrong;
    CheckFilter(request.filter(), "filter", wrong);
    violations.Add(std::move(wrong));
  }
  std::optional<std::string> after = "";
  if (!request.page_token().empty()) after = KeyOfPageToken(request.page_token());
  if (!after.has_value()) violations.Add("page_token", "not a token of this list");
  if (!violations.empty()) co_return violations.TakeStatus();
  const std::vector<TopicInfo> topics =
      parts_.bus.ListTopics(request.filter(), *after, page_size + 1);
  for (size_t i = 0; i < topics.size() && i < page_size; ++i) {
    v1::Topic& topic = *call.response().add_topics();
    topic.set_topic(topics[i].topic);
    topic.set_published(topics[i].published);
    topic.set_retained(topics[i].retained);
    ToProto(topics[i].last_publish_time, *topic.mutable_last_publish_time());
  }
  if (topics.size() > page_size) {
    call.response().set_next_page_token(PageTokenOf(topics[page_size - 1].topic));
  }
  co_return absl::OkStatus();
}

Reply BusService::ListSubscriptions(
    UnaryCall<v1::ListSubscriptionsRequest, v1::ListSubscriptionsResponse>& call) {
  Violations violations;
  const size_t page_size =
      static_cast<size_t>(PageSizeFrom(call.request().page_size(), violations));
  uint64_t after = 0;
  if (!call.request().page_token().empty()) {
    const std::optional<std::string> key = KeyOfPageToken(call.request().page_token());
    if (!key.has_value() || !absl::SimpleAtoi(*key, &after)) {
      violations.Add("page_token", "not a token of this list");
    }
  }
  if (!violations.empty()) co_return violations.TakeStatus();
  const std::vector<SubscriptionInfo> infos = parts_.bus.ListSubscriptions(after, page_size + 1);
  for (size_t i = 0; i < infos.size() && i < page_size; ++i) {
    ToProto(infos[i], *call.response().add_subscriptions());
  }
  if (infos.size() > page_size) {
    call.response().set_next_page_token(PageTokenOf(absl::StrCat(infos[page_size - 1].id)));
  }
  co_return absl::OkStatus();
}

}  // namespace taskforge

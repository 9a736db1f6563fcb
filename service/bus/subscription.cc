#include "bus/subscription.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "bus/bus.h"
#include "bus/subscriber.h"
#include "bus/topic.h"

namespace taskforge {
namespace {

bool IsAttributeName(absl::string_view name) {
  return name.size() <= 20 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c);
         });
}

void CheckStart(const SubscribeOptions& options, std::vector<FieldViolation>& violations) {
  const SubscribeStart& start = options.start;
  if (start.at == SubscribeStart::At::kLatest) return;
  if (start.at == SubscribeStart::At::kLast && (start.last < 1 || start.last > 1'000'000)) {
    violations.push_back({"last", "must be 1 to 1000000"});
  }
  if (!options.group.empty()) {
    violations.push_back({"start",
                          "only START_AT_LATEST in a group, whose members share what is new: leave "
                          "`group` out to get what is retained"});
  }
  if (options.policy == SlowSubscriberPolicy::kConflate) {
    violations.push_back({"start",
                          "only START_AT_LATEST with the policy SLOW_SUBSCRIBER_POLICY_CONFLATE, "
                          "which keeps no order of positions: take another policy; `last: 1` gives "
                          "the latest of each topic"});
  }
}

}  // namespace

absl::string_view Name(DropReason reason) {
  constexpr std::array<absl::string_view, kDropReasonCount> kNames = {
      "oldest", "newest", "too_large", "disconnected", "closed", "conflated", "gone"};
  return kNames[static_cast<size_t>(reason)];
}

void CheckSubscribeOptions(const SubscribeOptions& options,
                           std::vector<FieldViolation>& violations) {
  if (options.filters.empty() || options.filters.size() > 64) {
    violations.push_back(
        {"filters", absl::StrCat("has ", options.filters.size(), " filters; must have 1 to 64")});
  }
  for (size_t i = 0; i < options.filters.size(); ++i) {
    CheckFilter(options.filters[i], absl::StrCat("filters[", i, "]"), violations);
  }
  if (options.block_budget <= absl::ZeroDuration() || options.block_budget > absl::Seconds(1)) {
    violations.push_back({"block_budget", "must be above 0 and at most 1 s"});
  }
  if (options.max_events < 1 || options.max_events > 1 << 20) {
    violations.push_back({"max_events", "must be 1 to 1048576"});
  }
  if (options.max_bytes < 1 || options.max_bytes > 256 << 20) {
    violations.push_back({"max_bytes", "must be 1 to 268435456"});
  }
  if (options.max_batch < 1 || options.max_batch > 64) {
    violations.push_back({"max_batch", "must be 1 to 64"});
  }
  if (!options.conflate_by.empty()) {
    if (options.policy != SlowSubscriberPolicy::kConflate) {
      violations.push_back({"conflate_by",
                            "means nothing without the policy SLOW_SUBSCRIBER_POLICY_CONFLATE: set "
                            "that, or leave it out"});
    } else if (!IsAttributeName(options.conflate_by)) {
      violations.push_back({"conflate_by", "want a name of [a-z0-9]{1,20}"});
    }
  }
  if (options.group.size() > 64) {
    violations.push_back(
        {"group", absl::StrCat("has ", options.group.size(), " bytes; at most 64")});
  }
  if (!options.group.empty() && options.policy == SlowSubscriberPolicy::kConflate) {
    violations.push_back(
        {"group",
         "has no meaning with the policy SLOW_SUBSCRIBER_POLICY_CONFLATE: no member "
         "gets all events of a key"});
  }
  CheckStart(options, violations);
  if (options.label.size() > 64) {
    violations.push_back(
        {"label", absl::StrCat("has ", options.label.size(), " bytes; at most 64")});
  }
}

Subscription::Subscription(Bus& bus, Ref<Subscriber> subscriber,
                           std::optional<ReplayPosition> start)
    : bus_(bus), subscriber_(std::move(subscriber)), start_(start) {}
Subscription::~Subscription() { Close(); }

uint64_t Subscription::id() const { return subscriber_->id(); }
SubscriptionInfo Subscription::Info() const { return subscriber_->Info(); }
void Subscription::Resume() { subscriber_->Resume(); }
void Subscription::Close() {
  Close([] { return std::vector<EventRef>(); });
}
void Subscription::Close(absl::FunctionRef<std::vector<EventRef>()> untouched) {
  bus_.Forget(*subscriber_, untouched);
}

}  // namespace taskforge

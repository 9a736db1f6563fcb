#include "cli/bus_view.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/format.h"

namespace taskforge::cli {
namespace {

constexpr size_t kTextBytes = 100;

std::string Ago(const google::protobuf::Timestamp& time, absl::Time now) {
  return DurationText(now - ToTime(time));
}

}  // namespace

Table TopicTable(const v1::ListTopicsResponse& response, absl::Time now) {
  Table table({"TOPIC", ">PUBLISHED", ">RETAINED", ">LAST"});
  for (const v1::Topic& topic : response.topics()) {
    table.Add({Printable(topic.topic()), FormatCount(topic.published()),
               FormatCount(topic.retained()), Ago(topic.last_publish_time(), now)});
  }
  return table;
}

Table SubscriptionTable(const v1::ListSubscriptionsResponse& response, absl::Time now) {
  Table table({"SUBSCRIPTION", "FILTERS", "LABEL", "POLICY", ">BACKLOG", ">BYTES", ">DELIVERED",
               ">DROPPED", ">SINCE", "PEER"});
  for (const v1::Subscription& subscription : response.subscriptions()) {
    const std::string& name = subscription.name();
    table.Add({name.substr(name.rfind('/') + 1),
               Printable(absl::StrJoin(subscription.filters(), " "), kTextBytes),
               Printable(subscription.label(), kTextBytes),
               FormatEnum(v1::SlowSubscriberPolicy_Name(subscription.policy()),
                          "SLOW_SUBSCRIBER_POLICY_"),
               FormatCount(subscription.backlog_events()),
               FormatBytes(subscription.backlog_bytes()), FormatCount(subscription.delivered()),
               FormatCount(subscription.dropped()), Ago(subscription.create_time(), now),
               subscription.peer()});
  }
  return table;
}

std::string DescribeMissed(const v1::Missed& missed) {
  return absl::StrCat("missed ", missed.at_least() ? "at least " : "", FormatCount(missed.count()),
                      missed.count() == 1 ? " event (" : " events (",
                      FormatPriority(missed.priority()), ")");
}

}  // namespace taskforge::cli

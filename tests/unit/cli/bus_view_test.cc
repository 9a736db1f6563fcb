#include "cli/bus_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/format.h"

namespace taskforge::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'000'000);

TEST(TopicTable, SaysHowOftenAndWhenLast) {
  v1::ListTopicsResponse response;
  v1::Topic& topic = *response.add_topics();
  topic.set_topic("orders.eu.paid");
  topic.set_published(1234567);
  topic.set_retained(1024);
  SetTime(kNow - absl::Seconds(5), *topic.mutable_last_publish_time());
  const std::string text = TopicTable(response, kNow).Render(/*colour=*/false);
  EXPECT_EQ(text,
            "TOPIC           PUBLISHED  RETAINED   LAST\n"
            "orders.eu.paid  1,234,567     1,024  5.0 s\n");
}

TEST(DescribeMissed, SaysWhereMoreMayBeLost) {
  v1::Missed missed;
  missed.set_count(1234);
  missed.set_priority(v1::PRIORITY_LOW);
  EXPECT_EQ(DescribeMissed(missed), "missed 1,234 events (low)");
  missed.set_count(1);
  missed.set_at_least(true);
  EXPECT_EQ(DescribeMissed(missed), "missed at least 1 event (low)");
}

TEST(SubscriptionTable, SaysWhoseBacklogIsFullAndWhatWasLost) {
  v1::ListSubscriptionsResponse response;
  v1::Subscription& subscription = *response.add_subscriptions();
  subscription.set_name("subscriptions/s7");
  subscription.add_filters("orders.>");
  subscription.add_filters("task.*.failed.>");
  subscription.set_label("billing");
  subscription.set_policy(v1::SLOW_SUBSCRIBER_POLICY_DROP_OLDEST);
  subscription.set_backlog_events(8192);
  subscription.set_backlog_bytes(2048);
  subscription.set_delivered(10);
  subscription.set_dropped(3);
  subscription.set_peer("ipv4:10.0.0.7:4711");
  SetTime(kNow - absl::Seconds(90), *subscription.mutable_create_time());
  const std::string text = SubscriptionTable(response, kNow).Render(/*colour=*/false);
  for (const char* part : {"s7  ", "orders.> task.*.failed.>", "billing", "drop_oldest", "8,192",
                           "2.0 KiB", "1 min 30 s", "ipv4:10.0.0.7:4711"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(text, Not(HasSubstr("subscriptions/")));
}

TEST(SubscriptionTable, EscapesWhatOthersWrote) {
  v1::ListSubscriptionsResponse response;
  response.add_subscriptions()->set_label("\x1b[2J");
  EXPECT_THAT(SubscriptionTable(response, kNow).Render(/*colour=*/false), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace taskforge::cli

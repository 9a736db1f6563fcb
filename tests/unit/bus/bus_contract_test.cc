// What the bus promises in one thread, for the bus and for its oracle.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "support/mutex_bus.h"
#include "unit/bus/bus_fixture.h"

namespace taskforge {
namespace {

using Got = std::vector<std::string>;

template <typename BusType>
class BusContract : public BusFixture<BusType> {};

using BusTypes = testing::Types<Bus, MutexBus>;
TYPED_TEST_SUITE(BusContract, BusTypes);

TYPED_TEST(BusContract, DeliversWhatMatchesInOrder) {
  const auto subscription = this->Subscribe(SubscribeTo({"orders.*.paid", "x.>"}), this->sink_);
  EXPECT_EQ(this->bus_.Publish(EventOn("orders.1.paid", "a")).routed, 1u);
  EXPECT_EQ(this->bus_.Publish(EventOn("orders.1.sent", "b")).routed, 0u);
  EXPECT_EQ(this->bus_.Publish(EventOn("x.y.z", "c")).routed, 1u);
  EXPECT_TRUE(this->sink_.got.empty());
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.got, (Got{"a", "c"}));
}

TYPED_TEST(BusContract, GivesAnEventToEverySubscriberThatWantsIt) {
  RecordingSink other;
  const auto first = this->Subscribe(SubscribeTo({"t"}), this->sink_);
  const auto second = this->Subscribe(SubscribeTo({"*"}), other);
  EXPECT_EQ(this->bus_.Publish(EventOn("t", "a")).routed, 2u);
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.got, (Got{"a"}));
  EXPECT_EQ(other.got, (Got{"a"}));
}

TYPED_TEST(BusContract, DeliversTheMostUrgentFirst) {
  const auto subscription = this->Subscribe(SubscribeTo({">"}), this->sink_);
  this->Publish({"l"}, Priority::kLow);
  this->Publish({"n"}, Priority::kNormal);
  this->Publish({"c"}, Priority::kCritical);
  this->Publish({"h"}, Priority::kHigh);
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.got, (Got{"c", "h", "n", "l"}));
}

TYPED_TEST(BusContract, DropsTheOldestAndTellsWhere) {
  SubscribeOptions options = SubscribeTo({">"});
  options.max_events = 2;
  const auto subscription = this->Subscribe(options, this->sink_);
  this->Publish({"a", "b", "c", "d", "e"});
  EXPECT_EQ(subscription->Info().backlog_events, 2u);
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.got, (Got{"-3", "d", "e"}));
  EXPECT_EQ(subscription->Info().dropped(), 3u);
}

TYPED_TEST(BusContract, DropsTheLeastUrgentFirstAndNeverTheMoreUrgent) {
  SubscribeOptions options = SubscribeTo({">"});
  options.max_events = 2;
  const auto subscription = this->Subscribe(options, this->sink_);
  this->Publish({"l"}, Priority::kLow);
  this->Publish({"h1", "h2"}, Priority::kHigh);
  this->Publish({"n"}, Priority::kNormal);
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.by_priority[Index(Priority::kHigh)], (Got{"h1", "h2"}));
  EXPECT_EQ(this->sink_.by_priority[Index(Priority::kNormal)], (Got{"-1"}));
  EXPECT_EQ(this->sink_.by_priority[Index(Priority::kLow)], (Got{"-1"}));
}

TYPED_TEST(BusContract, DropsTheNewestAndTellsWhere) {
  SubscribeOptions options = SubscribeTo({">"});
  options.max_events = 2;
  options.policy = SlowSubscriberPolicy::kDropNewest;
  const auto subscription = this->Subscribe(options, this->sink_);
  this->Publish({"a", "b", "c", "d"});
  this->executor_.RunAll();
  this->Publish({"e"});
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.got, (Got{"a", "b", "-2", "e"}));
}

TYPED_TEST(BusContract, BoundsTheBytesThatWait) {
  SubscribeOptions options = SubscribeTo({">"});
  options.max_bytes = 10'000;
  const auto subscription = this->Subscribe(options, this->sink_);
  this->Publish({"a", "b", "c", "d"}, Priority::kNormal, 3300);
  EXPECT_LE(subscription->Info().backlog_bytes, 10'000u);
  this->executor_.RunAll();
  EXPECT_EQ(subscription->Info().backlog_bytes, 0u);
  EXPECT_EQ(this->sink_.got, (Got{"-2", "c", "d"}));
}

TYPED_TEST(BusContract, TellsAnEventThatCanNeverFit) {
  SubscribeOptions options = SubscribeTo({">"});
  options.max_bytes = 2000;
  const auto subscription = this->Subscribe(options, this->sink_);
  this->Publish({"a"});
  this->Publish({"huge"}, Priority::kNormal, 3300);
  this->Publish({"b"});
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.got, (Got{"a", "-1", "b"}));
  EXPECT_EQ(subscription->Info().dropped_by_reason[static_cast<size_t>(DropReason::kTooLarge)], 1u);
}

TYPED_TEST(BusContract, ConflatesToTheLatestOfEachTopicInTheOrderInWhichTheyBeganToWait) {
  SubscribeOptions options = SubscribeTo({">"});
  options.policy = SlowSubscriberPolicy::kConflate;
  const auto subscription = this->Subscribe(options, this->sink_);
  for (const auto& [topic, id] : std::vector<std::pair<std::string, std::string>>{
           {"a", "a1"}, {"b", "b1"}, {"a", "a2"}, {"a", "a3"}, {"c", "c1"}, {"b", "b2"}}) {
    EXPECT_EQ(this->bus_.Publish(EventOn(topic, id)).routed, 1u);
  }
  EXPECT_EQ(subscription->Info().backlog_events, 3u);
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.got, (Got{"a3", "b2", "c1"}));
  this->bus_.Publish(EventOn("a", "a4"));
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.got.back(), "a4");
  const SubscriptionInfo info = subscription->Info();
  EXPECT_EQ(info.dropped_by_reason[static_cast<size_t>(DropReason::kConflated)], 3u);
  EXPECT_EQ(info.dropped(), 3u);
  EXPECT_EQ(info.delivered, 4u);
  EXPECT_EQ(info.backlog_bytes, 0u);
}

TYPED_TEST(BusContract, ConflatesByAnAttributeAndLeavesEventsAloneThatLackIt) {
  SubscribeOptions options = SubscribeTo({">"});
  options.policy = SlowSubscriberPolicy::kConflate;
  options.conflate_by = "symbol";
  const auto subscription = this->Subscribe(options, this->sink_);
  const auto publish = [&](const std::string& id, const std::string& topic,
                           const std::string& symbol) {
    EventFields fields;
    fields.id = id;
    fields.topic = topic;
    if (!symbol.empty()) fields.attributes["symbol"] = symbol;
    this->bus_.Publish(MakeEvent(std::move(fields)));
  };
  publish("1", "x", "s");
  publish("2", "x", "");
  publish("3", "x", "t");
  publish("4", "y", "s");
  publish("5", "x", "");
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.got, (Got{"4", "2", "3", "5"}));
}

// The latest is what counts, so what replaces keeps the place, and the urgency, of the first.
TYPED_TEST(BusContract, ConflatesAcrossPriorities) {
  SubscribeOptions options = SubscribeTo({">"});
  options.policy = SlowSubscriberPolicy::kConflate;
  const auto subscription = this->Subscribe(options, this->sink_);
  this->bus_.Publish(EventOn("a", "a1", Priority::kLow));
  this->bus_.Publish(EventOn("b", "b1", Priority::kNormal));
  this->bus_.Publish(EventOn("a", "a2", Priority::kCritical));
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.got, (Got{"b1", "a2"}));
}

TYPED_TEST(BusContract, DropsTheOldestKeyWhereThereAreTooManyAndTellsIt) {
  SubscribeOptions options = SubscribeTo({">"});
  options.policy = SlowSubscriberPolicy::kConflate;
  options.max_events = 2;
  options.max_bytes = 10'000;
  const auto subscription = this->Subscribe(options, this->sink_);
  for (const char* topic : {"a", "b", "c"}) this->bus_.Publish(EventOn(topic, topic));
  this->bus_.Publish(EventOn("c", "c2"));
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.got, (Got{"-1", "b", "c2"}));
  // Bytes that a replacement brings push out others too.
  this->bus_.Publish(EventOn("a", "a", Priority::kNormal, 6000));
  this->bus_.Publish(EventOn("b", "b", Priority::kNormal, 1000));
  this->bus_.Publish(EventOn("b", "b2", Priority::kNormal, 6000));
  EXPECT_LE(subscription->Info().backlog_bytes, 10'000u);
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.got, (Got{"-1", "b", "c2", "-1", "b2"}));
  EXPECT_EQ(subscription->Info().dropped_by_reason[static_cast<size_t>(DropReason::kOldest)], 2u);
  EXPECT_EQ(subscription->Info().backlog_bytes, 0u);
}

TYPED_TEST(BusContract, DisconnectsWhoIsTooSlowAndSaysWhy) {
  SubscribeOptions options = SubscribeTo({">"});
  options.max_events = 2;
  options.policy = SlowSubscriberPolicy::kDisconnect;
  const auto subscription = this->Subscribe(options, this->sink_);
  this->Publish({"a", "b", "c", "d"});
  this->executor_.RunAll();
  EXPECT_TRUE(this->sink_.got.empty());
  ASSERT_EQ(this->sink_.closed.size(), 1u);
  EXPECT_EQ(this->sink_.closed[0].code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailsOf(this->sink_.closed[0]).reason, "SLOW_SUBSCRIBER");
  EXPECT_EQ(subscription->Info().dropped_by_reason[static_cast<size_t>(DropReason::kDisconnected)],
            2u);
  EXPECT_EQ(this->bus_.Publish(EventOn("t", "e")).routed, 0u);
}

TYPED_TEST(BusContract, TellsAPausedSubscriberThatItIsDisconnected) {
  SubscribeOptions options = SubscribeTo({">"});
  options.max_events = 2;
  options.policy = SlowSubscriberPolicy::kDisconnect;
  this->sink_.pauses = true;
  const auto subscription = this->Subscribe(options, this->sink_);
  this->Publish({"a"});
  this->executor_.RunAll();
  this->Publish({"b", "c", "d"});
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.got, (Got{"a"}));
  EXPECT_EQ(this->sink_.closed.size(), 1u);
}

TYPED_TEST(BusContract, StopsAtAPauseUntilItIsResumed) {
  const auto subscription = this->Subscribe(SubscribeTo({">"}), this->sink_);
  this->sink_.pauses = true;
  this->Publish({"a"});
  this->executor_.RunAll();
  this->Publish({"b", "c"});
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.got, (Got{"a"}));
  subscription->Resume();
  this->executor_.RunAll();
  EXPECT_EQ(this->sink_.got, (Got{"a", "b", "c"}));
}

TYPED_TEST(BusContract, CallsNothingAfterClose) {
  auto subscription = this->Subscribe(SubscribeTo({">"}), this->sink_);
  this->Publish({"a"});
  subscription->Close();
  EXPECT_EQ(this->bus_.Publish(EventOn("t", "b")).routed, 0u);
  this->executor_.RunAll();
  subscription->Close();
  subscription.reset();
  EXPECT_TRUE(this->sink_.got.empty());
  EXPECT_TRUE(this->sink_.closed.empty());
}

TYPED_TEST(BusContract, RefusesWrongOptionsWithEveryViolation) {
  SubscribeOptions options = SubscribeTo({"a..b", ">.c"});
  options.max_events = 0;
  const auto subscription = this->bus_.Subscribe(options, this->sink_);
  EXPECT_EQ(subscription.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DetailsOf(subscription.status()).field_violations.size(), 3u);
}

}  // namespace
}  // namespace taskforge

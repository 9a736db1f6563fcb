#include "bus/bus.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/scoped_blocking.h"
#include "bus/publisher.h"
#include "unit/bus/bus_fixture.h"

namespace taskforge {
namespace {

using Got = std::vector<std::string>;

class BusTest : public BusFixture<Bus> {};

TEST_F(BusTest, KeepsToTheLimitOfSubscriptions) {
  Bus bus({.max_subscriptions = 1}, executor_, clock_);
  auto first = bus.Subscribe(SubscribeTo({"a"}), sink_);
  const auto second = bus.Subscribe(SubscribeTo({"a"}), sink_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kResourceExhausted);
  const ErrorDetails details = DetailsOf(second.status());
  EXPECT_EQ(details.reason, "SUBSCRIPTIONS_FULL");
  EXPECT_EQ(details.quota_violations,
            (std::vector<QuotaViolation>{{"subscriptions", "1 of 1 subscriptions"}}));
  EXPECT_TRUE(details.retry_after.has_value());
  first->reset();
  EXPECT_TRUE(bus.Subscribe(SubscribeTo({"a"}), sink_).ok());
}

// What has ended cannot be taken out of the executor, which has room for the nodes of so many.
TEST_F(BusTest, SubscriptionsThatEndLeaveNoMoreNodesThanTheLimitAllows) {
  constexpr size_t kMost = 4;
  Bus bus({.max_subscriptions = kMost}, executor_, clock_);
  bool was_full = false;
  for (size_t round = 0; round < 10 * kMost; ++round) {
    const auto subscription = bus.Subscribe(SubscribeTo({"t"}), sink_);
    was_full = was_full || !subscription.ok();
    for (const Priority priority : kPriorities) bus.Publish(EventOn("t", "a", priority));
    ASSERT_LE(executor_.waiting(), kPriorityCount * kMost) << "round " << round;
  }
  EXPECT_TRUE(was_full);
  executor_.RunAll();
  EXPECT_TRUE(sink_.got.empty());
  std::vector<std::unique_ptr<Subscription>> again;
  for (size_t i = 0; i < kMost; ++i) again.push_back(*bus.Subscribe(SubscribeTo({"t"}), sink_));
  EXPECT_FALSE(bus.Subscribe(SubscribeTo({"t"}), sink_).ok());
}

TEST_F(BusTest, CallsAFunctionForEachEventAndSurvivesItsExceptions) {
  Got got;
  auto subscription = bus_.Subscribe(SubscribeTo({">"}), [&](const Event& event) {
    got.push_back(event.fields().id);
    if (got.size() == 1) throw std::runtime_error("mistake");
  });
  ASSERT_TRUE(subscription.ok());
  Publish({"a", "b"});
  executor_.RunAll();
  EXPECT_EQ(got, (Got{"a", "b"}));
  EXPECT_EQ(bus_.Stats().sink_exceptions, 1u);
  subscription->reset();
  Publish({"c"});
  executor_.RunAll();
  EXPECT_EQ(got.size(), 2u);
}

// The function may hold what it likes, its own subscription too.
TEST_F(BusTest, LetsACallbackEndItsOwnSubscription) {
  auto mine = std::make_shared<std::unique_ptr<Subscription>>();
  const std::weak_ptr<std::unique_ptr<Subscription>> alive = mine;
  int calls = 0;
  auto subscription = bus_.Subscribe(SubscribeTo({">"}), [mine, &calls](const Event&) {
    ++calls;
    mine->reset();
  });
  *mine = *std::move(subscription);
  mine.reset();
  Publish({"a", "b"});
  executor_.RunAll();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(alive.expired());
  EXPECT_EQ(bus_.Stats().subscriptions, 0u);
}

// What it had been given with the event at which it ended waited for it as the rest did.
TEST_F(BusTest, WhatACallbackThatEndsItselfLeavesIsPassedOnOrCounted) {
  for (const bool has_other : {false, true}) {
    Bus bus(Bus::Options{}, executor_, clock_);
    SubscribeOptions options = SubscribeTo({"t"});
    options.group = "g";
    std::unique_ptr<Subscription> subscription;
    Got got;
    subscription = *bus.Subscribe(options, [&](const Event& event) {
      got.push_back(event.fields().id);
      if (got.size() == 2) subscription.reset();
    });
    bus.Publish(EventOn("t", "a"));
    executor_.RunAll();  // Now it knows that an event takes no time: the next come at once.
    for (const char* id : {"b", "c", "d"}) bus.Publish(EventOn("t", id));
    RecordingSink other_sink;
    std::unique_ptr<Subscription> other;
    if (has_other) other = *bus.Subscribe(options, other_sink);
    executor_.RunAll();
    EXPECT_EQ(got, (Got{"a", "b"}));
    EXPECT_EQ(other_sink.got, has_other ? (Got{"c", "d"}) : Got());
    const BusStats stats = bus.Stats();
    EXPECT_EQ(stats.delivered, has_other ? 4u : 2u);
    EXPECT_EQ(stats.dropped_by_reason[static_cast<size_t>(DropReason::kClosed)],
              has_other ? 0u : 2u);
  }
}

TEST_F(BusTest, CountsWhatHappens) {
  SubscribeOptions options = SubscribeTo({"t"});
  options.max_events = 2;
  options.label = "screen";
  options.peer = "ipv4:127.0.0.1:5";
  auto subscription = Subscribe(options, sink_);
  Publish({"a", "b", "c"}, Priority::kHigh);
  Publish({"n"}, Priority::kNormal);
  bus_.Publish(EventOn("elsewhere", "x", Priority::kLow));
  EXPECT_EQ(bus_.Stats().backlog_events_max, 2u);
  executor_.RunAll();
  const BusStats stats = bus_.Stats();
  EXPECT_EQ(stats.published[Priority::kHigh], 3u);
  EXPECT_EQ(stats.published[Priority::kNormal], 1u);
  EXPECT_EQ(stats.published[Priority::kLow], 1u);
  EXPECT_EQ(stats.delivered, 2u);
  EXPECT_EQ(stats.dropped_by_reason[static_cast<size_t>(DropReason::kOldest)], 1u);
  EXPECT_EQ(stats.dropped_by_reason[static_cast<size_t>(DropReason::kNewest)], 1u);
  EXPECT_EQ(stats.delivery.count, 2u);
  EXPECT_EQ(stats.subscriptions, 1u);
  const std::vector<SubscriptionInfo> infos = bus_.ListSubscriptions(0, 10);
  ASSERT_EQ(infos.size(), 1u);
  EXPECT_EQ(infos[0].label, "screen");
  EXPECT_EQ(infos[0].peer, "ipv4:127.0.0.1:5");
  EXPECT_EQ(infos[0].create_time, clock_.Now());
  EXPECT_EQ(infos[0].backlog_events_max, 2u);
  EXPECT_TRUE(bus_.ListSubscriptions(infos[0].id, 10).empty());
  subscription.reset();
  EXPECT_EQ(bus_.Stats().delivered, 2u);
  EXPECT_EQ(bus_.Stats().subscriptions, 0u);
}

TEST_F(BusTest, CountsExactlyWhateverThreadsPublish) {
  uint64_t expected = 0;
  for (const int threads : {1, 2, 8}) {
    constexpr uint64_t kEvents = 500;
    std::vector<std::thread> publishers;
    for (int i = 0; i < threads; ++i) {
      publishers.emplace_back([&] {
        for (uint64_t n = 0; n < kEvents; ++n) bus_.Publish(EventOn("t", "e", Priority::kHigh));
      });
    }
    for (std::thread& publisher : publishers) publisher.join();
    expected += kEvents * static_cast<uint64_t>(threads);
    EXPECT_EQ(bus_.Stats().published[Priority::kHigh], expected);
  }
  EXPECT_EQ(bus_.Stats().published[Priority::kNormal], 0u);
}

// However many of those to whom it was offered did not take it. That they are freed, ASan's leak
// check says.
TEST_F(BusTest, FreesAnEventThatNobodyHasAnyMore) {
  SubscribeOptions options = SubscribeTo({"t"});
  options.max_events = 1;
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (const auto policy : {SlowSubscriberPolicy::kDropOldest, SlowSubscriberPolicy::kDropNewest,
                            SlowSubscriberPolicy::kDisconnect, SlowSubscriberPolicy::kBlock}) {
    options.policy = policy;
    subscriptions.push_back(Subscribe(options, sink_));
  }
  const NonBlockingThread non_blocking;
  Publisher publisher(bus_, "t");
  int made = 0;
  const auto make = [&] {
    auto record = MakeRef<TaskRecord>();
    record->spec = MakeRef<TaskSpec>();
    ++made;
    return MakeTaskEvent("t", std::move(record));
  };
  EXPECT_EQ(bus_.Publish(make()).routed, 4u);
  EXPECT_EQ(publisher.Publish(Priority::kNormal, make).routed, 2u);  // Two are disconnected.
  EXPECT_EQ(bus_.Publish(make()).routed, 2u);
  executor_.RunAll();
  subscriptions.clear();
  EXPECT_EQ(publisher.Publish(Priority::kNormal, make).routed, 0u);
  EXPECT_EQ(made, 3);
}

TEST_F(BusTest, MeasuresTheTimeToDelivery) {
  const auto subscription = Subscribe(SubscribeTo({">"}), sink_);
  Publish({"a"});
  clock_.Advance(absl::Milliseconds(3));
  executor_.RunAll();
  const BusStats stats = bus_.Stats();
  EXPECT_EQ(stats.delivery.sum, 3'000'000u);
}

TEST_F(BusTest, ListsTopicsWithTheirCounts) {
  Publisher publisher(bus_, "b.fast");
  publisher.Publish(Priority::kNormal, [] { return EventOn("b.fast", "x"); });
  bus_.Publish(EventOn("b.slow", "1"));
  bus_.Publish(EventOn("b.slow", "2"));
  bus_.Publish(EventOn("a", "3"));
  const std::vector<TopicInfo> all = bus_.ListTopics("", "", 10);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].topic, "a");
  EXPECT_EQ(all[2].topic, "b.slow");
  EXPECT_EQ(all[2].published, 2u);
  EXPECT_EQ(all[2].last_publish_time, clock_.Now());
  EXPECT_EQ(bus_.ListTopics("b.*", "", 10).size(), 2u);
  EXPECT_EQ(bus_.ListTopics("", "a", 1)[0].topic, "b.fast");
}

TEST_F(BusTest, GivesBatchesAnAnswerForEachEvent) {
  const auto subscription = Subscribe(SubscribeTo({"t"}), sink_);
  const std::vector<EventRef> events = {EventOn("t", "a"), EventOn("u", "b"), EventOn("t", "c")};
  const auto results = bus_.PublishBatch(events);
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].routed + results[2].routed, 2u);
  EXPECT_EQ(results[1].routed, 0u);
}

}  // namespace
}  // namespace taskforge

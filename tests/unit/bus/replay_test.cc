// The bus with topics that are retained: who comes later, who comes back, and who is slow.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/scoped_blocking.h"
#include "bus/bus.h"
#include "bus/publisher.h"
#include "support/drain_executor.h"
#include "support/recording_sink.h"

namespace taskforge {
namespace {

using Got = std::vector<std::string>;
using At = SubscribeStart::At;

// Notes how far it has come, as a client would that means to come back.
class ReturningSink final : public EventSink {
 public:
  SinkResult Deliver(absl::Span<const Delivery> batch) override {
    for (const Delivery& delivery : batch) {
      if (delivery.position > 0) position.through[Index(delivery.priority)] = delivery.position;
    }
    return record.Deliver(batch);
  }
  void OnClosed(const absl::Status& status) override { record.OnClosed(status); }

  RecordingSink record;
  ReplayPosition position;
};

class ReplayTest : public testing::Test {
 protected:
  static Bus::Options Options(size_t max_events = 1024) {
    Bus::Options options;
    options.replay.filters = {"r.>"};
    options.replay.max_events = max_events;
    return options;
  }
  static SubscribeOptions Beginning(At at, std::vector<std::string> filters = {"r.>"}) {
    SubscribeOptions options = SubscribeTo(std::move(filters));
    options.start.at = at;
    return options;
  }
  auto Subscribe(SubscribeOptions options, ReturningSink& sink) {
    auto subscription = bus_.Subscribe(std::move(options), sink);
    EXPECT_TRUE(subscription.ok()) << subscription.status();
    EXPECT_TRUE((*subscription)->start().has_value());
    sink.position = *(*subscription)->start();
    return *std::move(subscription);
  }
  void Publish(const Got& ids, Priority priority = Priority::kNormal,
               const std::string& topic = "r.a") {
    for (const std::string& id : ids) bus_.Publish(EventOn(topic, id, priority));
  }
  static uint64_t Gone(const SubscriptionInfo& info) {
    return info.dropped_by_reason[static_cast<size_t>(DropReason::kGone)];
  }

  SystemClock clock_;
  ManualDrainExecutor executor_{clock_};
  ReturningSink sink_;
  RecordingSink plain_;
  Bus bus_{Options(), executor_, clock_};
};

TEST_F(ReplayTest, BringsWhatIsRetainedThenWhatIsNew) {
  Publish({"a", "b"});
  const auto subscription = Subscribe(Beginning(At::kEarliest), sink_);
  Publish({"c"});
  executor_.RunAll();
  Publish({"d"});
  EXPECT_FALSE(subscription->Info().is_replaying);
  executor_.RunAll();
  EXPECT_EQ(sink_.record.got, (Got{"a", "b", "c", "d"}));
  const SubscriptionInfo info = subscription->Info();
  EXPECT_EQ(info.delivered, 4u);
  EXPECT_EQ(info.replayed, 3u);
  EXPECT_EQ(bus_.Stats().replay.replayed, 3u);
}

TEST_F(ReplayTest, RetainsWhetherAnybodySubscribesOrNot) {
  Publisher publisher(bus_, "r.p");
  EXPECT_TRUE(publisher.HasSubscribers());
  EXPECT_FALSE(bus_.IsQuiet());
  EXPECT_TRUE(bus_.HasSubscribers("r.x"));
  EXPECT_FALSE(bus_.HasSubscribers("x"));
  publisher.Publish(Priority::kHigh, [] { return EventOn("r.p", "a", Priority::kHigh); });
  const auto subscription = Subscribe(Beginning(At::kEarliest), sink_);
  publisher.Publish(Priority::kHigh, [] { return EventOn("r.p", "b", Priority::kHigh); });
  executor_.RunAll();
  publisher.Publish(Priority::kHigh, [] { return EventOn("r.p", "c", Priority::kHigh); });
  executor_.RunAll();
  EXPECT_EQ(sink_.record.got, (Got{"a", "b", "c"}));
  const std::vector<TopicInfo> topics = bus_.ListTopics("r.>", "", 10);
  ASSERT_EQ(topics.size(), 1u);
  EXPECT_EQ(topics[0].retained, 3u);
}

TEST_F(ReplayTest, RetainsNothingUnlessAsked) {
  Bus bus(Bus::Options{}, executor_, clock_);
  bus.Publish(EventOn("r.a", "a"));
  EXPECT_TRUE(bus.IsQuiet());
  const absl::Status status = bus.Subscribe(Beginning(At::kEarliest), sink_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DetailsOf(status).reason, "NOT_RETAINED");
  const auto subscription = *bus.Subscribe(SubscribeTo({"r.>"}), plain_);
  EXPECT_FALSE(subscription->start().has_value());
  EXPECT_EQ(bus_.Subscribe(Beginning(At::kLast, {"x.>"}), sink_).status().code(),
            absl::StatusCode::kInvalidArgument);
  SubscribeOptions last = Beginning(At::kLast, {"x.>"});
  last.start.last = 1;
  EXPECT_EQ(DetailsOf(bus_.Subscribe(last, sink_).status()).reason, "NOT_RETAINED");
}

TEST_F(ReplayTest, SaysThatGroupsAndConflationBeginWithWhatIsNew) {
  SubscribeOptions options = Beginning(At::kEarliest);
  options.group = "g";
  std::vector<FieldViolation> violations;
  CheckSubscribeOptions(options, violations);
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "start");
  options.group.clear();
  options.policy = SlowSubscriberPolicy::kConflate;
  violations.clear();
  CheckSubscribeOptions(options, violations);
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "start");
}

TEST_F(ReplayTest, GroupsAndConflationGetWhatIsNewAsEver) {
  SubscribeOptions options = SubscribeTo({"r.>"});
  options.group = "g";
  RecordingSink other;
  const auto member = *bus_.Subscribe(options, plain_);
  options.group.clear();
  options.policy = SlowSubscriberPolicy::kConflate;
  const auto conflating = *bus_.Subscribe(options, other);
  EXPECT_FALSE(member->start().has_value());
  EXPECT_FALSE(conflating->start().has_value());
  EXPECT_EQ(bus_.Publish(EventOn("r.a", "a")).routed, 2u);
  Publish({"b"});
  executor_.RunAll();
  EXPECT_EQ(plain_.got, (Got{"a", "b"}));
  EXPECT_EQ(other.got, (Got{"b"}));
}

// It is read as it is drained: it never waits in the lanes, whose limits are for what is new.
TEST_F(ReplayTest, AReplayMayBeLongerThanWhatMayWait) {
  for (int i = 0; i < 500; ++i) Publish({std::to_string(i)});
  SubscribeOptions options = Beginning(At::kEarliest);
  options.policy = SlowSubscriberPolicy::kDisconnect;
  options.max_events = 2;
  options.max_batch = 3;
  const auto subscription = Subscribe(options, sink_);
  sink_.record.pauses = true;
  executor_.RunAll();
  EXPECT_EQ(sink_.record.got.size(), 3u);
  EXPECT_TRUE(subscription->Info().is_replaying);
  EXPECT_EQ(bus_.Stats().replaying, 1u);
  EXPECT_EQ(subscription->Info().backlog_events, 0u);
  Publish({"new", "newer", "newest"});
  sink_.record.pauses = false;
  subscription->Resume();
  executor_.RunAll();
  EXPECT_EQ(sink_.record.got.size(), 503u);
  EXPECT_EQ(sink_.record.got.back(), "newest");
  EXPECT_EQ(sink_.record.missed, 0u);
  EXPECT_EQ(bus_.Stats().replaying, 0u);
  // From here on its policy rules.
  Publish({"x", "y", "z"});
  executor_.RunAll();
  EXPECT_EQ(sink_.record.closed.size(), 1u);
}

TEST_F(ReplayTest, WhatIsNotRetainedComesBesideAReplay) {
  for (int i = 0; i < 200; ++i) Publish({"r"});
  SubscribeOptions options = Beginning(At::kEarliest, {">"});
  options.max_batch = 8;
  options.max_events = 1024;
  const auto subscription = Subscribe(options, sink_);
  for (int i = 0; i < 200; ++i) Publish({"l"}, Priority::kNormal, "live");
  // Neither waits for all of the other.
  sink_.record.pauses = true;
  for (int i = 0; i < 4; ++i) {
    executor_.RunAll();
    subscription->Resume();
  }
  const auto has = [&](const char* id) {
    return std::count(sink_.record.got.begin(), sink_.record.got.end(), id);
  };
  EXPECT_GE(has("r"), 8);
  EXPECT_GE(has("l"), 8);
  sink_.record.pauses = false;
  subscription->Resume();
  executor_.RunAll();
  EXPECT_EQ(has("r"), 200);
  EXPECT_EQ(has("l"), 200);
}

TEST_F(ReplayTest, TheMostUrgentComesFirst) {
  Publish({"l"}, Priority::kLow);
  Publish({"n"});
  Publish({"c"}, Priority::kCritical);
  const auto subscription = Subscribe(Beginning(At::kEarliest), sink_);
  executor_.RunAll();
  EXPECT_EQ(sink_.record.got, (Got{"c", "n", "l"}));
}

TEST_F(ReplayTest, WhoComesBackGetsWhatItHasNotHandled) {
  auto subscription = Subscribe(SubscribeTo({"r.>"}), sink_);
  Publish({"1", "2"});
  Publish({"h1"}, Priority::kHigh);
  executor_.RunAll();
  Publish({"3"});
  Publish({"h2"}, Priority::kHigh);
  subscription->Close();  // With two events in its lanes.
  executor_.RunAll();
  Publish({"4"});
  SubscribeOptions options = Beginning(At::kPosition);
  options.start.position = sink_.position;
  subscription = Subscribe(options, sink_);
  Publish({"5"});
  executor_.RunAll();
  EXPECT_EQ(sink_.record.by_priority[Index(Priority::kNormal)], (Got{"1", "2", "3", "4", "5"}));
  EXPECT_EQ(sink_.record.by_priority[Index(Priority::kHigh)], (Got{"h1", "h2"}));
}

TEST_F(ReplayTest, ASubscriptionThatGotNothingCanBeResumedToo) {
  Publish({"before"});
  ReplayPosition start;
  {
    const auto subscription = Subscribe(SubscribeTo({"r.>"}), sink_);
    start = sink_.position;
  }
  Publish({"a"});
  SubscribeOptions options = Beginning(At::kPosition);
  options.start.position = start;
  const auto subscription = Subscribe(options, sink_);
  executor_.RunAll();
  EXPECT_EQ(sink_.record.got, (Got{"a"}));
}

TEST_F(ReplayTest, TellsWhatWentBeforeItWasRead) {
  Bus bus(Options(4), executor_, clock_);
  const auto publish = [&](int from, int to) {
    for (int i = from; i < to; ++i) bus.Publish(EventOn("r.a", std::to_string(i)));
  };
  publish(0, 4);
  SubscribeOptions options = Beginning(At::kEarliest);
  options.max_batch = 1;
  const auto subscription = *bus.Subscribe(options, sink_);
  sink_.record.pauses = true;
  executor_.RunAll();
  publish(4, 7);
  sink_.record.pauses = false;
  subscription->Resume();
  executor_.RunAll();
  EXPECT_EQ(sink_.record.got, (Got{"0", "-2", "3", "4", "5", "6"}));
  EXPECT_EQ(Gone(subscription->Info()), 2u);
  EXPECT_EQ(subscription->Info().dropped(), 2u);
  EXPECT_EQ(bus.Stats().dropped_by_reason[static_cast<size_t>(DropReason::kGone)], 2u);
}

TEST_F(ReplayTest, RefusesAPositionOfNoEvent) {
  SubscribeOptions options = Beginning(At::kPosition);
  options.start.position.through[0] = 1;
  EXPECT_EQ(bus_.Subscribe(options, sink_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(bus_.Stats().subscriptions, 0u);
  EXPECT_TRUE(bus_.ListSubscriptions(0, 10).empty());
}

// The sink runs on this thread: it reads the log when the lane is empty.
TEST_F(ReplayTest, APublisherThatBlocksWaitsUntilItsEventIsRead) {
  SubscribeOptions options = SubscribeTo({"r.>"});
  options.policy = SlowSubscriberPolicy::kBlock;
  options.max_events = 1;
  options.block_budget = absl::Seconds(1);
  const auto subscription = Subscribe(options, sink_);
  std::atomic<int> returned{0};
  std::thread publisher([&] {
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(bus_.Publish(EventOn("r.a", std::to_string(i))).routed, 1u);
      returned.store(i + 1);
    }
  });
  std::thread other([&] {
    for (int i = 0; i < 20; ++i) bus_.Publish(EventOn("r.b", "b"));
  });
  while (sink_.record.got.size() < 40 && sink_.record.closed.empty()) {
    const size_t got = sink_.record.got.size();
    if (executor_.RunOne() && sink_.record.got.size() == got) std::this_thread::yield();
    EXPECT_LE(returned.load(), static_cast<int>(sink_.record.got.size()) + 1);
  }
  publisher.join();
  other.join();
  ASSERT_TRUE(sink_.record.closed.empty());
  Got a;
  for (const std::string& id : sink_.record.got) {
    if (id != "b") a.push_back(id);
  }
  ASSERT_EQ(a.size(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(a[static_cast<size_t>(i)], std::to_string(i));
  EXPECT_EQ(subscription->Info().dropped(), 0u);
}

TEST_F(ReplayTest, AThreadThatMustNotWaitDisconnectsWhomItWouldWaitFor) {
  SubscribeOptions options = SubscribeTo({"r.>"});
  options.policy = SlowSubscriberPolicy::kBlock;
  options.max_events = 1;
  const auto subscription = Subscribe(options, sink_);
  const NonBlockingThread thread;
  EXPECT_EQ(bus_.Publish(EventOn("r.a", "1")).routed, 1u);
  EXPECT_EQ(bus_.Publish(EventOn("r.a", "2")).routed, 0u);
  executor_.RunAll();
  EXPECT_EQ(sink_.record.closed.size(), 1u);
}

// Nothing is lost by it: what it had no room for is retained.
TEST_F(ReplayTest, WhoWasDisconnectedGoesOnWhereItWas) {
  SubscribeOptions options = SubscribeTo({"r.>"});
  options.policy = SlowSubscriberPolicy::kDisconnect;
  options.max_events = 2;
  auto subscription = Subscribe(options, sink_);
  Publish({"1"});
  executor_.RunAll();
  Publish({"2", "3"});
  EXPECT_EQ(bus_.Publish(EventOn("r.a", "4")).routed, 0u);
  executor_.RunAll();
  ASSERT_EQ(sink_.record.closed.size(), 1u);
  options.start = {At::kPosition, 0, sink_.position};
  subscription.reset();
  subscription = Subscribe(options, sink_);
  executor_.RunAll();
  EXPECT_EQ(sink_.record.got, (Got{"1", "2", "3", "4"}));
}

TEST_F(ReplayTest, CallbacksReplayToo) {
  Publish({"a", "b"});
  Got got;
  const auto subscription = *bus_.Subscribe(
      Beginning(At::kEarliest), [&](const Event& event) { got.push_back(event.fields().id); });
  executor_.RunAll();
  EXPECT_EQ(got, (Got{"a", "b"}));
}

}  // namespace
}  // namespace taskforge

#include "bus/subscriber_group.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/scoped_blocking.h"
#include "bus/bus.h"
#include "bus/publisher.h"
#include "support/drain_executor.h"
#include "support/fake_clock.h"
#include "support/recording_sink.h"

namespace taskforge {
namespace {

using Got = std::vector<std::string>;

class SubscriberGroupTest : public testing::Test {
 protected:
  static SubscribeOptions Member(std::vector<std::string> filters = {">"},
                                 const std::string& group = "g") {
    SubscribeOptions options = SubscribeTo(std::move(filters));
    options.group = group;
    return options;
  }
  std::unique_ptr<Subscription> Subscribe(SubscribeOptions options, EventSink& sink) {
    auto subscription = bus_.Subscribe(std::move(options), sink);
    EXPECT_TRUE(subscription.ok()) << subscription.status();
    return *std::move(subscription);
  }
  uint32_t Publish(int from, int to, const std::string& topic = "t") {
    uint32_t routed = 0;
    for (int i = from; i < to; ++i) {
      routed += bus_.Publish(EventOn(topic, std::to_string(i))).routed;
    }
    return routed;
  }
  static Got Numbers(int from, int to) {
    Got numbers;
    for (int i = from; i < to; ++i) numbers.push_back(std::to_string(i));
    return numbers;
  }
  // What several got together, in the order of the numbers.
  static Got Sum(const std::vector<const RecordingSink*>& sinks) {
    Got all;
    for (const RecordingSink* sink : sinks) {
      all.insert(all.end(), sink->got.begin(), sink->got.end());
    }
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return std::stoi(a) < std::stoi(b); });
    return all;
  }

  FakeClock clock_;
  ManualDrainExecutor executor_{clock_};
  Bus bus_{Bus::Options{}, executor_, clock_};
  RecordingSink one_, two_, three_;
};

TEST_F(SubscriberGroupTest, GivesEachEventToOneMember) {
  RecordingSink alone;
  RecordingSink elsewhere;
  const auto a = Subscribe(Member(), one_);
  const auto b = Subscribe(Member(), two_);
  const auto c = Subscribe(Member(), three_);
  const auto d = Subscribe(SubscribeTo({">"}), alone);
  const auto e = Subscribe(Member({">"}, "h"), elsewhere);
  EXPECT_EQ(Publish(0, 30), 3u * 30u);
  executor_.RunAll();
  EXPECT_EQ(Sum({&one_, &two_, &three_}), Numbers(0, 30));
  for (const RecordingSink* sink : {&one_, &two_, &three_}) {
    EXPECT_EQ(sink->got.size(), 10u);
    EXPECT_EQ(Sum({sink}), sink->got);  // In order.
  }
  EXPECT_EQ(alone.got, Numbers(0, 30));
  EXPECT_EQ(elsewhere.got, Numbers(0, 30));
  EXPECT_EQ(a->Info().group, "g");
}

TEST_F(SubscriberGroupTest, RoutesByAPublishersHandleToo) {
  const auto a = Subscribe(Member(), one_);
  const auto b = Subscribe(Member({"t", "*"}), two_);
  Publisher publisher(bus_, "t");
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(publisher.Publish(Priority::kNormal, [&] { return EventOn("t", std::to_string(i)); })
                  .routed,
              1u);
  }
  executor_.RunAll();
  EXPECT_EQ(Sum({&one_, &two_}), Numbers(0, 10));
}

TEST_F(SubscriberGroupTest, AsksOnlyMembersWhoWantTheEvent) {
  const auto a = Subscribe(Member({"t.a"}), one_);
  const auto b = Subscribe(Member({"t.*"}), two_);
  Publish(0, 4, "t.b");
  executor_.RunAll();
  EXPECT_TRUE(one_.got.empty());
  EXPECT_EQ(two_.got, Numbers(0, 4));
}

TEST_F(SubscriberGroupTest, GivesToTheMemberWithTheFewestWaiting) {
  one_.pauses = true;
  const auto a = Subscribe(Member(), one_);
  const auto b = Subscribe(Member(), two_);
  for (int i = 0; i < 20; ++i) {
    Publish(i, i + 1);
    executor_.RunAll();
  }
  // One event that it took before it paused, and one that waits with it.
  EXPECT_LE(one_.got.size() + a->Info().backlog_events, 2u);
  EXPECT_GE(two_.got.size(), 18u);
}

TEST_F(SubscriberGroupTest, PassesOnWhatWaitsWithAMemberThatLeaves) {
  auto a = Subscribe(Member(), one_);
  auto b = Subscribe(Member(), two_);
  Publish(0, 10);
  EXPECT_EQ(a->Info().backlog_events, 5u);
  a->Close();
  EXPECT_EQ(b->Info().backlog_events, 10u);
  executor_.RunAll();
  EXPECT_TRUE(one_.got.empty());
  EXPECT_EQ(Sum({&two_}), Numbers(0, 10));
  EXPECT_EQ(bus_.Stats().delivered, 10u);
  for (const uint64_t dropped : bus_.Stats().dropped_by_reason) EXPECT_EQ(dropped, 0u);
  // The last one's are counted.
  Publish(10, 13);
  b->Close();
  EXPECT_EQ(bus_.Stats().dropped_by_reason[static_cast<size_t>(DropReason::kClosed)], 3u);
  EXPECT_EQ(Publish(13, 14), 0u);
}

TEST_F(SubscriberGroupTest, PassesNothingToWhoDoesNotWantItOrHasNoRoom) {
  auto a = Subscribe(Member({"t", "u"}), one_);
  Publish(0, 4, "u");
  Publish(4, 8, "t");
  SubscribeOptions small = Member({"t"});
  small.max_events = 2;
  small.policy = SlowSubscriberPolicy::kDisconnect;
  const auto b = Subscribe(small, two_);
  a->Close();
  executor_.RunAll();
  EXPECT_EQ(two_.got, Numbers(4, 6));
  EXPECT_TRUE(two_.closed.empty());
  EXPECT_EQ(bus_.Stats().dropped_by_reason[static_cast<size_t>(DropReason::kClosed)], 6u);
}

TEST_F(SubscriberGroupTest, PassesOnWhatWaitsWithAMemberThatIsDisconnected) {
  SubscribeOptions strict = Member();
  strict.policy = SlowSubscriberPolicy::kDisconnect;
  strict.max_events = 1;
  auto a = Subscribe(strict, one_);
  Publish(0, 1);
  const auto b = Subscribe(Member(), two_);
  // `b` has less and gets it; then both have one, and whoever's turn it is gets the next.
  Publish(1, 8);
  executor_.RunAll();
  EXPECT_EQ(Sum({&one_, &two_}), Numbers(0, 8));
  const BusStats stats = bus_.Stats();
  EXPECT_EQ(stats.delivered, 8u);
}

TEST_F(SubscriberGroupTest, HasAnotherMemberForWhatABlockedOneDoesNotTake) {
  SubscribeOptions blocking = Member();
  blocking.policy = SlowSubscriberPolicy::kBlock;
  blocking.max_events = 1;
  const auto a = Subscribe(blocking, one_);
  const auto b = Subscribe(blocking, two_);
  const NonBlockingThread non_blocking;  // So that it disconnects at once.
  EXPECT_EQ(Publish(0, 2), 2u);
  SubscribeOptions roomy = Member();
  roomy.max_events = 64;
  const auto c = Subscribe(roomy, three_);
  EXPECT_EQ(Publish(2, 12), 10u);
  executor_.RunAll();
  EXPECT_EQ(Sum({&one_, &two_, &three_}), Numbers(0, 12));
}

TEST_F(SubscriberGroupTest, TakesBackWhatASinkHasNotTouched) {
  auto a = Subscribe(Member(), one_);
  Publish(0, 3);
  executor_.RunAll();
  const auto b = Subscribe(Member(), two_);
  int asked = 0;
  const auto untouched = [&] {
    ++asked;
    return std::vector<EventRef>{EventOn("t", "1"), EventOn("t", "2")};
  };
  a->Close(untouched);
  a->Close(untouched);
  executor_.RunAll();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(two_.got, (Got{"1", "2"}));
  EXPECT_EQ(bus_.Stats().delivered, 3u);
}

TEST_F(SubscriberGroupTest, BeginsAnewUnderTheNameOfOneThatEnded) {
  auto a = Subscribe(Member(), one_);
  a.reset();
  const auto b = Subscribe(Member(), two_);
  EXPECT_EQ(Publish(0, 2), 2u);
  executor_.RunAll();
  EXPECT_EQ(two_.got, Numbers(0, 2));
}

TEST_F(SubscriberGroupTest, HasShortNamesAndDoesNotConflate) {
  SubscribeOptions options = Member({">"}, std::string(65, 'g'));
  options.policy = SlowSubscriberPolicy::kConflate;
  const auto refused = bus_.Subscribe(options, one_);
  ASSERT_FALSE(refused.ok());
  const auto violations = DetailsOf(refused.status()).field_violations;
  ASSERT_EQ(violations.size(), 2u);
  for (const FieldViolation& violation : violations) EXPECT_EQ(violation.field, "group");
}

}  // namespace
}  // namespace taskforge

#include "bus/publisher.h"

#include <gtest/gtest.h>

#include "support/drain_executor.h"
#include "support/fake_clock.h"
#include "support/recording_sink.h"

namespace taskforge {
namespace {

using Got = std::vector<std::string>;

class PublisherTest : public testing::Test {
 protected:
  uint32_t Publish(const std::string& id) {
    return publisher_
        .Publish(Priority::kNormal,
                 [&] {
                   ++made_;
                   return EventOn("a.b", id);
                 })
        .routed;
  }

  FakeClock clock_;
  ManualDrainExecutor executor_{clock_};
  RecordingSink sink_;
  Bus bus_{Bus::Options{}, executor_, clock_};
  Publisher publisher_{bus_, "a.b"};
  int made_ = 0;
};

TEST_F(PublisherTest, MakesNoEventThatNobodyWantsButCountsIt) {
  EXPECT_FALSE(publisher_.HasSubscribers());
  EXPECT_EQ(Publish("x"), 0u);
  EXPECT_EQ(made_, 0);
  EXPECT_EQ(bus_.Stats().published[Priority::kNormal], 1u);
  EXPECT_EQ(publisher_.Info().published, 1u);
}

TEST_F(PublisherTest, SeesSubscriptionsComeAndGo) {
  EXPECT_EQ(Publish("x"), 0u);
  auto first = *bus_.Subscribe(SubscribeTo({"a.*"}), sink_);
  EXPECT_TRUE(publisher_.HasSubscribers());
  EXPECT_EQ(Publish("1"), 1u);
  auto second = *bus_.Subscribe(SubscribeTo({">"}), sink_);
  EXPECT_EQ(Publish("2"), 2u);
  auto elsewhere = *bus_.Subscribe(SubscribeTo({"a.c", "z.>"}), sink_);
  EXPECT_EQ(Publish("3"), 2u);
  first.reset();
  EXPECT_EQ(Publish("4"), 1u);
  second.reset();
  EXPECT_EQ(Publish("5"), 0u);
  EXPECT_FALSE(publisher_.HasSubscribers());
  EXPECT_EQ(made_, 4);
}

}  // namespace
}  // namespace taskforge

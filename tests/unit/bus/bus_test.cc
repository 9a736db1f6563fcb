#include "bus/bus.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/drain_executor.h"
#include "support/fake_clock.h"

namespace taskforge {
namespace {

EventRef On(std::string topic, std::string id, Priority priority = Priority::kNormal) {
  EventFields fields;
  fields.topic = std::move(topic);
  fields.id = std::move(id);
  fields.priority = priority;
  return MakeEvent(std::move(fields));
}

SubscribeOptions To(std::vector<std::string> filters) {
  SubscribeOptions options;
  options.filters = std::move(filters);
  return options;
}

// Keeps what it gets as text: the id of an event, `-n` for n missed.
class RecordingSink final : public EventSink {
 public:
  SinkResult Deliver(absl::Span<const Delivery> batch) override {
    for (const Delivery& delivery : batch) {
      got.push_back(delivery.event ? delivery.event->fields().id
                                   : "-" + std::to_string(delivery.missed));
    }
    ++calls;
    return pauses ? SinkResult::kPause : SinkResult::kContinue;
  }
  void OnClosed(const absl::Status& status) override { closed.push_back(status); }

  std::vector<std::string> got;
  std::vector<absl::Status> closed;
  int calls = 0;
  bool pauses = false;
};

using Ids = std::vector<std::string>;

class BusTest : public testing::Test {
 protected:
  std::unique_ptr<Subscription> Subscribe(SubscribeOptions options, EventSink& sink) {
    auto subscription = bus_.Subscribe(std::move(options), sink);
    EXPECT_TRUE(subscription.ok()) << subscription.status();
    return *std::move(subscription);
  }

  FakeClock clock_;
  ManualDrainExecutor executor_{clock_};
  Bus bus_{Bus::Options{}, executor_, clock_};
  RecordingSink sink_;
};

TEST_F(BusTest, DeliversWhatMatchesInOrder) {
  const auto subscription = Subscribe(To({"orders.*.paid"}), sink_);
  EXPECT_EQ(bus_.Publish(On("orders.1.paid", "a")).routed, 1u);
  EXPECT_EQ(bus_.Publish(On("orders.1.sent", "b")).routed, 0u);
  EXPECT_EQ(bus_.Publish(On("orders.2.paid", "c")).routed, 1u);
  EXPECT_TRUE(sink_.got.empty());
  executor_.RunAll();
  EXPECT_EQ(sink_.got, (Ids{"a", "c"}));
}

TEST_F(BusTest, DropsTheOldestAndTellsWhere) {
  SubscribeOptions options = To({">"});
  options.max_events = 2;
  const auto subscription = Subscribe(options, sink_);
  for (const char* id : {"a", "b", "c", "d", "e"}) bus_.Publish(On("t", id));
  executor_.RunAll();
  EXPECT_EQ(sink_.got, (Ids{"-3", "d", "e"}));
}

TEST_F(BusTest, DropsTheNewestAndTellsWhere) {
  SubscribeOptions options = To({">"});
  options.max_events = 2;
  options.policy = SlowSubscriberPolicy::kDropNewest;
  const auto subscription = Subscribe(options, sink_);
  for (const char* id : {"a", "b", "c", "d"}) bus_.Publish(On("t", id));
  executor_.RunAll();
  bus_.Publish(On("t", "e"));
  executor_.RunAll();
  EXPECT_EQ(sink_.got, (Ids{"a", "b", "-2", "e"}));
}

}  // namespace
}  // namespace taskforge

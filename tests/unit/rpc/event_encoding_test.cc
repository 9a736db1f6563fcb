#include "rpc/event_encoding.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bus/event.h"
#include "taskforge/v1/bus_service.pb.h"

namespace taskforge {
namespace {

EventRef OrderPaid() {
  EventFields fields;
  fields.id = "17";
  fields.source = "shop";
  fields.type = "order.paid";
  fields.subject = "orders/7";
  fields.time = absl::FromUnixSeconds(5);
  fields.topic = "orders.paid";
  fields.priority = Priority::kHigh;
  fields.data.data = "seven";
  fields.data.is_text = true;
  fields.attributes["region"] = "eu";
  return MakeEvent(std::move(fields));
}

EventRef TaskSucceeded() {
  auto spec = MakeRef<TaskSpec>();
  spec->handler = "echo";
  spec->input.data = "hello";
  auto record = MakeRef<TaskRecord>();
  record->state = TaskState::kSucceeded;
  record->spec = std::move(spec);
  Payload output;
  output.data = "hello back";
  record->history.Edit().output = std::move(output);
  return MakeTaskEvent("task.default.succeeded.echo", std::move(record));
}

v1::SubscribeResponse Decode(const std::string& frame) {
  v1::SubscribeResponse response;
  EXPECT_TRUE(response.ParseFromString(frame));
  return response;
}

// Of an event that is let go here: whether others have it is the caller's to say.
std::string Encode(EventRef event, bool omit_payloads) {
  const Priority priority = event->priority();
  std::string frame;
  AppendDelivery({std::move(event), 0, priority}, omit_payloads, frame);
  return frame;
}

TEST(EventEncoding, AFrameIsOneResponseOfAllThatWasAppended) {
  std::string frame;
  AppendDelivery({OrderPaid(), 0, Priority::kHigh}, false, frame);
  AppendDelivery({nullptr, 12, Priority::kLow}, false, frame);
  AppendDelivery({TaskSucceeded(), 0, Priority::kNormal}, false, frame);
  const v1::SubscribeResponse response = Decode(frame);
  ASSERT_EQ(response.deliveries_size(), 3);
  const v1::Event& order = response.deliveries(0).event();
  EXPECT_EQ(order.id(), "17");
  EXPECT_EQ(order.source(), "shop");
  EXPECT_EQ(order.type(), "order.paid");
  EXPECT_EQ(order.subject(), "orders/7");
  EXPECT_EQ(order.time().seconds(), 5);
  EXPECT_EQ(order.topic(), "orders.paid");
  EXPECT_EQ(order.priority(), v1::PRIORITY_HIGH);
  EXPECT_EQ(order.data().text_data(), "seven");
  EXPECT_EQ(order.attributes().at("region"), "eu");
  EXPECT_FALSE(order.has_task());
  EXPECT_EQ(response.deliveries(1).missed().count(), 12u);
  EXPECT_EQ(response.deliveries(1).missed().priority(), v1::PRIORITY_LOW);
  const v1::Event& task = response.deliveries(2).event();
  EXPECT_EQ(task.task().handler(), "echo");
  EXPECT_EQ(task.task().state(), v1::TASK_STATE_SUCCEEDED);
  EXPECT_FALSE(task.has_data());
}

TEST(EventEncoding, IsTheSameForWhoHasItAloneAndForWhoShares) {
  for (const auto make : {&OrderPaid, &TaskSucceeded}) {
    const std::string alone = Encode(make(), false);
    EXPECT_EQ(Decode(alone).deliveries_size(), 1);
    const EventRef event = make();
    EXPECT_EQ(Encode(event, false), alone) << "made by the first";
    EXPECT_EQ(Encode(event, false), alone) << "found by the second";
  }
}

// Who wants payloads and who does not share the event, and not its encoding.
TEST(EventEncoding, LeavesOutATasksPayloadsForWhoWantsNone) {
  const EventRef event = TaskSucceeded();
  const EventRef others = event;
  for (int round = 0; round < 2; ++round) {
    const v1::SubscribeResponse whole = Decode(Encode(event, false));
    EXPECT_EQ(whole.deliveries(0).event().task().input().binary_data(), "hello");
    EXPECT_EQ(whole.deliveries(0).event().task().output().binary_data(), "hello back");
    const v1::SubscribeResponse without = Decode(Encode(event, true));
    EXPECT_FALSE(without.deliveries(0).event().task().has_input());
    EXPECT_FALSE(without.deliveries(0).event().task().has_output());
    EXPECT_EQ(without.deliveries(0).event().task().handler(), "echo");
  }
}

// A client's event is what it published: its data is no task's payload.
TEST(EventEncoding, KeepsAClientsDataForWhoWantsNoPayloads) {
  EXPECT_EQ(Decode(Encode(OrderPaid(), true)).deliveries(0).event().data().text_data(), "seven");
}

TEST(EventEncoding, IsTheSameForAllWhoEncodeAtOnce) {
  constexpr int kThreads = 4;
  for (int round = 0; round < 100; ++round) {
    const EventRef event = OrderPaid();
    std::atomic<int> ready{0};
    std::vector<std::string> encoded(kThreads);
    std::vector<std::thread> threads;
    for (std::string& each : encoded) {
      threads.emplace_back([&, mine = event] {
        ready.fetch_add(1);
        while (ready.load() < kThreads) std::this_thread::yield();
        each = Encode(mine, false);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::string& each : encoded) ASSERT_EQ(each, encoded.front());
  }
}

}  // namespace
}  // namespace taskforge

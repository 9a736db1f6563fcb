// Events in the real server, over the wire.
#include <algorithm>

#include "integration/server_fixture.h"

namespace taskforge {
namespace {

class ServerBusTest : public ServerFixture {
 protected:
  static v1::Event MakeEvent(const std::string& topic, const std::string& text) {
    v1::Event event;
    event.set_topic(topic);
    event.mutable_data()->set_text_data(text);
    return event;
  }
  grpc::Status Publish(const v1::Event& event, v1::PublishResponse* response = nullptr) {
    grpc::ClientContext context;
    v1::PublishRequest request;
    *request.add_events() = event;
    v1::PublishResponse unused;
    return bus_->Publish(&context, request, response != nullptr ? response : &unused);
  }
  static v1::SubscribeRequest To(const std::string& filter) {
    v1::SubscribeRequest request;
    request.add_filters(filter);
    return request;
  }
};

TEST_F(ServerBusTest, DeliversWhatMatches) {
  Start();
  LiveSubscription subscription(*bus_, To("orders.*.paid"));
  ASSERT_TRUE(subscription.is_live());
  v1::PublishResponse published;
  ASSERT_TRUE(Publish(MakeEvent("orders.eu.shipped", "no")).ok());
  ASSERT_TRUE(Publish(MakeEvent("orders.eu.paid", "yes"), &published).ok());
  EXPECT_EQ(published.routed(0), 1u);
  v1::SubscribeResponse got;
  ASSERT_TRUE(subscription.Read(&got));
  ASSERT_EQ(got.deliveries_size(), 1);
  EXPECT_EQ(got.deliveries(0).event().data().text_data(), "yes");
  EXPECT_EQ(got.deliveries(0).event().id(), published.ids(0));
}

TEST_F(ServerBusTest, KeepsTheOrderOfOnePublisher) {
  Start();
  v1::SubscribeRequest request = To("n.>");
  request.set_policy(v1::SLOW_SUBSCRIBER_POLICY_BLOCK);
  LiveSubscription subscription(*bus_, request);
  ASSERT_TRUE(subscription.is_live());
  constexpr int kEvents = 2000;
  grpc::ClientContext context;
  v1::PublishRequest batch;
  for (int i = 0; i < kEvents / 2; ++i) *batch.add_events() = MakeEvent("n.x", std::to_string(i));
  v1::PublishResponse published;
  ASSERT_TRUE(bus_->Publish(&context, batch, &published).ok());
  int next = 0;
  v1::SubscribeResponse got;
  while (next < kEvents / 2 && subscription.Read(&got)) {
    for (const v1::Delivery& delivery : got.deliveries()) {
      EXPECT_EQ(delivery.event().data().text_data(), std::to_string(next++));
    }
  }
  EXPECT_EQ(next, kEvents / 2);
}

TEST_F(ServerBusTest, TheEndOfATaskIsAnEventWithItsRecord) {
  Start();
  LiveSubscription subscription(*bus_, To("task.default.succeeded.>"));
  ASSERT_TRUE(subscription.is_live());
  const v1::Task task = SubmitOk(MakeTask("echo", "hello"));
  v1::SubscribeResponse got;
  ASSERT_TRUE(subscription.Read(&got));
  const v1::Event& event = got.deliveries(0).event();
  EXPECT_EQ(event.topic(), "task.default.succeeded.echo");
  EXPECT_EQ(event.subject(), task.name());
  EXPECT_EQ(event.task().output().text_data(), "hello");
}

TEST_F(ServerBusTest, AResultGoesToItsTopicToo) {
  Start();
  LiveSubscription subscription(*bus_, To("jobs.42"));
  ASSERT_TRUE(subscription.is_live());
  v1::Task wanted = MakeTask("echo", "x");
  wanted.set_result_topic("jobs.42");
  SubmitOk(wanted);
  v1::SubscribeResponse got;
  ASSERT_TRUE(subscription.Read(&got));
  EXPECT_EQ(got.deliveries(0).event().task().state(), v1::TASK_STATE_SUCCEEDED);
}

TEST_F(ServerBusTest, ClientsMayNotPublishTheServersOwn) {
  Start();
  const grpc::Status status = Publish(MakeEvent("task.default.succeeded.echo", "forged"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(status.error_message().find("events[0].topic"), std::string::npos)
      << status.error_message();
}

TEST_F(ServerBusTest, TellsEveryBadFilter) {
  Start();
  v1::SubscribeRequest request = To("a..b");
  request.add_filters("x.>.y");
  grpc::ClientContext context;
  const auto stream = bus_->Subscribe(&context, request);
  v1::SubscribeResponse response;
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::BadRequest bad;
  ASSERT_TRUE(Detail(status, &bad));
  EXPECT_GE(bad.field_violations_size(), 2);
}

// A subscriber that stops reading loses events and is told how many; another loses none.
TEST_F(ServerBusTest, ASlowSubscriberIsToldWhatItMissedAndTheOthersMissNothing) {
  Start();
  v1::SubscribeRequest slow_request = To("load.>");
  slow_request.set_max_events(64);
  LiveSubscription slow(*bus_, slow_request);
  constexpr uint64_t kEvents = 3000;
  v1::SubscribeRequest quick_request = To("load.>");  // Has room for all, however busy the machine.
  quick_request.set_max_events(kEvents);
  quick_request.set_max_bytes(64 << 20);
  LiveSubscription quick(*bus_, quick_request);
  ASSERT_TRUE(slow.is_live() && quick.is_live());
  uint64_t quick_got = 0;
  std::thread reader([&] {
    v1::SubscribeResponse got;
    while (quick_got < kEvents && quick.Read(&got)) {
      quick_got += static_cast<uint64_t>(got.deliveries_size());
    }
  });
  // More than the transport's windows and the ring of `slow` can hold.
  const std::string kilobyte(4096, 'x');
  for (uint64_t sent = 0; sent < kEvents; sent += 100) {
    grpc::ClientContext context;
    v1::PublishRequest batch;
    for (int i = 0; i < 100; ++i) *batch.add_events() = MakeEvent("load.x", kilobyte);
    v1::PublishResponse published;
    ASSERT_TRUE(bus_->Publish(&context, batch, &published).ok());
  }
  reader.join();
  EXPECT_EQ(quick_got, kEvents);
  uint64_t slow_got = 0;
  uint64_t missed = 0;
  v1::SubscribeResponse got;
  while (slow_got + missed < kEvents && slow.Read(&got)) {
    for (const v1::Delivery& delivery : got.deliveries()) {
      if (delivery.has_missed()) missed += delivery.missed().count();
      if (delivery.has_event()) ++slow_got;
    }
  }
  EXPECT_GT(missed, 0u);
  EXPECT_EQ(slow_got + missed, kEvents);
}

TEST_F(ServerBusTest, ListsTopicsAndSubscriptions) {
  Start();
  v1::SubscribeRequest request = To("orders.>");
  request.set_label("billing");
  LiveSubscription subscription(*bus_, request);
  ASSERT_TRUE(subscription.is_live());
  ASSERT_TRUE(Publish(MakeEvent("orders.eu.paid", "x")).ok());
  grpc::ClientContext topics_context;
  v1::ListTopicsResponse topics;
  ASSERT_TRUE(bus_->ListTopics(&topics_context, {}, &topics).ok());
  ASSERT_EQ(topics.topics_size(), 1);
  EXPECT_EQ(topics.topics(0).topic(), "orders.eu.paid");
  EXPECT_EQ(topics.topics(0).published(), 1u);
  grpc::ClientContext context;
  v1::ListSubscriptionsResponse subscriptions;
  ASSERT_TRUE(bus_->ListSubscriptions(&context, {}, &subscriptions).ok());
  ASSERT_EQ(subscriptions.subscriptions_size(), 1);
  EXPECT_EQ(subscriptions.subscriptions(0).label(), "billing");
}

TEST_F(ServerBusTest, ADrainTakesNoNewEvents) {
  Start();
  const v1::Task running = SubmitOk(MakeTask("sleep", "60s"));
  WatchUntil(running.name(), v1::TASK_STATE_RUNNING);
  std::thread stopper([this] { server_->Shutdown(); });
  grpc::Status status;
  do {
    status = Publish(MakeEvent("orders.eu.paid", "x"));
  } while (status.ok());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "DRAINING");
  google::rpc::RetryInfo retry;
  EXPECT_TRUE(Detail(status, &retry));
  v1::Task cancelled;
  EXPECT_TRUE(Cancel(running.name(), &cancelled).ok());
  stopper.join();
  server_.reset();
}

TEST_F(ServerBusTest, StreamsEndWhenTheServerStops) {
  Start();
  LiveSubscription subscription(*bus_, To("x.>"));
  ASSERT_TRUE(subscription.is_live());
  Stop();
  v1::SubscribeResponse got;
  EXPECT_FALSE(subscription.Read(&got));
}

}  // namespace
}  // namespace taskforge

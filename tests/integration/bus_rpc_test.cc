// BusService over the wire, with a real bus.
#include <grpcpp/generic/generic_stub.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration/rpc_test_server.h"

namespace taskforge {
namespace {

using grpc::StatusCode;

v1::PublishRequest Publication(const std::string& topic, int count) {
  v1::PublishRequest request;
  for (int i = 0; i < count; ++i) {
    v1::Event& event = *request.add_events();
    event.set_topic(topic);
    event.set_id(std::to_string(i));
    event.mutable_data()->set_text_data("payload");
  }
  return request;
}

grpc::Status Publish(const RpcTestServer& server, const v1::PublishRequest& request,
                     v1::PublishResponse& response) {
  grpc::ClientContext context;
  context.set_deadline(Soon());
  return server.bus_stub()->Publish(&context, request, &response);
}

TEST(Subscribe, FirstSaysThatItIsLiveThenSendsWhatMatches) {
  RpcTestServer server;
  auto stub = server.bus_stub();
  grpc::ClientContext context;
  context.set_deadline(Soon());
  v1::SubscribeRequest request;
  request.add_filters("orders.*.paid");
  auto stream = stub->Subscribe(&context, request);
  v1::SubscribeResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_THAT(response.subscription(), testing::StartsWith("subscriptions/"));

  v1::PublishResponse published;
  ASSERT_TRUE(Publish(server, Publication("orders.7.shipped", 1), published).ok());
  EXPECT_EQ(published.routed(0), 0U);
  ASSERT_TRUE(Publish(server, Publication("orders.7.paid", 1), published).ok());
  EXPECT_EQ(published.routed(0), 1U);
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_EQ(response.deliveries_size(), 1);
  const v1::Event& event = response.deliveries(0).event();
  EXPECT_EQ(event.topic(), "orders.7.paid");
  EXPECT_EQ(event.type(), "taskforge.event");
  EXPECT_EQ(event.data().text_data(), "payload");
  EXPECT_THAT(event.source(), testing::HasSubstr("127.0.0.1"));
  EXPECT_TRUE(event.has_time());
  context.TryCancel();
  EXPECT_FALSE(stream->Read(&response));
}

TEST(Subscribe, RefusesWhatIsNoRequest) {
  RpcTestServer server;
  grpc::GenericStub stub(server.channel);
  grpc::ClientContext context;
  context.set_deadline(Soon());
  const grpc::Slice slice("\xff\xff\xff");
  const grpc::ByteBuffer request(&slice, 1);
  grpc::CompletionQueue queue;
  const auto call =
      stub.PrepareUnaryCall(&context, "/taskforge.v1.BusService/Subscribe", request, &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("SubscribeRequest"));
  queue.Shutdown();
}

TEST(Subscribe, SendsEachEventToAllWhoWantIt) {
  RpcTestServer server;
  auto stub = server.bus_stub();
  v1::SubscribeRequest request;
  request.add_filters("a.>");
  std::array<grpc::ClientContext, 3> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::SubscribeResponse>>> streams;
  v1::SubscribeResponse response;
  for (grpc::ClientContext& context : contexts) {
    context.set_deadline(Soon());
    streams.push_back(stub->Subscribe(&context, request));
    ASSERT_TRUE(streams.back()->Read(&response));
  }
  constexpr int kCount = 300;
  v1::PublishResponse published;
  ASSERT_TRUE(Publish(server, Publication("a.b", kCount), published).ok());
  for (const auto& stream : streams) {
    int received = 0;
    while (received < kCount && stream->Read(&response)) {
      for (const v1::Delivery& delivery : response.deliveries()) {
        ASSERT_EQ(delivery.event().id(), std::to_string(received++));
        ASSERT_EQ(delivery.event().data().text_data(), "payload");
      }
    }
    EXPECT_EQ(received, kCount);
  }
  for (grpc::ClientContext& context : contexts) context.TryCancel();
}

TEST(Subscribe, DeliversManyInOrder) {
  RpcTestServer server;
  auto stub = server.bus_stub();
  grpc::ClientContext context;
  context.set_deadline(Soon());
  v1::SubscribeRequest request;
  request.add_filters("a.>");
  auto stream = stub->Subscribe(&context, request);
  v1::SubscribeResponse response;
  ASSERT_TRUE(stream->Read(&response));
  constexpr int kBatches = 5;
  for (int i = 0; i < kBatches; ++i) {
    v1::PublishResponse published;
    ASSERT_TRUE(Publish(server, Publication("a.b", 1000), published).ok());
  }
  int received = 0;
  while (received < kBatches * 1000 && stream->Read(&response)) {
    for (const v1::Delivery& delivery : response.deliveries()) {
      ASSERT_EQ(delivery.event().id(), std::to_string(received % 1000));
      ++received;
    }
  }
  EXPECT_EQ(received, kBatches * 1000);
  context.TryCancel();
  while (stream->Read(&response)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::CANCELLED);
}

TEST(Subscribe, ASlowOneIsToldWhatItMissed) {
  RpcTestServer server;
  auto stub = server.bus_stub();
  grpc::ClientContext context;
  context.set_deadline(Soon());
  v1::SubscribeRequest request;
  request.add_filters("a.>");
  request.set_max_events(16);
  auto stream = stub->Subscribe(&context, request);
  v1::SubscribeResponse response;
  ASSERT_TRUE(stream->Read(&response));
  // Not read: what the transport does not take waits, and then goes.
  constexpr int kEvents = 400;
  for (int i = 0; i < kEvents; ++i) {
    v1::PublishRequest publication = Publication("a.b", 1);
    publication.mutable_events(0)->mutable_data()->set_binary_data(std::string(100'000, 'x'));
    v1::PublishResponse published;
    ASSERT_TRUE(Publish(server, publication, published).ok());
  }
  uint64_t received = 0;
  uint64_t missed = 0;
  while (received + missed < kEvents && stream->Read(&response)) {
    for (const v1::Delivery& delivery : response.deliveries()) {
      if (delivery.has_event()) {
        ++received;
      } else {
        missed += delivery.missed().count();
      }
    }
  }
  EXPECT_EQ(received + missed, static_cast<uint64_t>(kEvents));
  EXPECT_GT(missed, 0U);
}

// Publishing may have to wait for such a subscriber, and the polling thread must not.
TEST(Subscribe, WhileOneMayBlockEventsArePublishedElsewhere) {
  RpcTestServer server;
  auto stub = server.bus_stub();
  grpc::ClientContext context;
  context.set_deadline(Soon());
  v1::SubscribeRequest request;
  request.add_filters("a.>");
  request.set_policy(v1::SLOW_SUBSCRIBER_POLICY_BLOCK);
  auto stream = stub->Subscribe(&context, request);
  v1::SubscribeResponse response;
  ASSERT_TRUE(stream->Read(&response));
  v1::PublishResponse published;
  ASSERT_TRUE(Publish(server, Publication("a.b", 100), published).ok());
  int received = 0;
  while (received < 100 && stream->Read(&response)) received += response.deliveries_size();
  EXPECT_EQ(received, 100);
  EXPECT_EQ(server.executor.count(), 1U);
}

TEST(Subscribe, TellsAllViolationsAtOnce) {
  RpcTestServer server;
  auto stub = server.bus_stub();
  grpc::ClientContext context;
  v1::SubscribeRequest request;
  request.set_policy(static_cast<v1::SlowSubscriberPolicy>(77));
  request.set_max_events(2'000'000);
  request.set_label(std::string(65, 'x'));
  auto stream = stub->Subscribe(&context, request);
  v1::SubscribeResponse response;
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  const google::rpc::Status details = DetailsIn(status);
  google::rpc::BadRequest bad;
  for (const auto& any : details.details()) any.UnpackTo(&bad);
  EXPECT_EQ(bad.field_violations_size(), 4) << bad.DebugString();  // And no filters.
}

TEST(Subscribe, TakesABlockBudgetOnlyToBlock) {
  RpcTestServer server;
  auto stub = server.bus_stub();
  for (const auto policy :
       {v1::SLOW_SUBSCRIBER_POLICY_UNSPECIFIED, v1::SLOW_SUBSCRIBER_POLICY_DISCONNECT}) {
    grpc::ClientContext context;
    v1::SubscribeRequest request;
    request.add_filters("a.>");
    request.set_policy(policy);
    request.mutable_block_budget()->set_nanos(1'000'000);
    auto stream = stub->Subscribe(&context, request);
    v1::SubscribeResponse response;
    EXPECT_FALSE(stream->Read(&response));
    const grpc::Status status = stream->Finish();
    EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), testing::StartsWith("block_budget: "));
  }
}

// Two members of a group and one who conflates: what the API says reaches the bus, and is listed.
TEST(Subscribe, SharesAmongAGroupAndConflates) {
  RpcTestServer server;
  auto stub = server.bus_stub();
  const auto subscribe = [&](grpc::ClientContext& context, const v1::SubscribeRequest& request) {
    context.set_deadline(Soon());
    auto stream = stub->Subscribe(&context, request);
    v1::SubscribeResponse hello;
    EXPECT_TRUE(stream->Read(&hello));
    return stream;
  };
  v1::SubscribeRequest member;
  member.add_filters("a.>");
  member.set_group("workers");
  v1::SubscribeRequest latest;
  latest.add_filters("a.>");
  latest.set_policy(v1::SLOW_SUBSCRIBER_POLICY_CONFLATE);
  latest.set_conflate_by("subject");
  std::array<grpc::ClientContext, 3> contexts;
  const auto one = subscribe(contexts[0], member);
  const auto two = subscribe(contexts[1], member);
  const auto conflated = subscribe(contexts[2], latest);
  v1::PublishResponse published;
  v1::PublishRequest request = Publication("a.b", 100);
  for (v1::Event& event : *request.mutable_events()) event.set_subject("same");
  ASSERT_TRUE(Publish(server, request, published).ok());
  EXPECT_EQ(published.routed(0), 2U);  // The group, and the other.
  grpc::ClientContext context;
  v1::ListSubscriptionsResponse list;
  ASSERT_TRUE(stub->ListSubscriptions(&context, v1::ListSubscriptionsRequest(), &list).ok());
  ASSERT_EQ(list.subscriptions_size(), 3);
  EXPECT_EQ(list.subscriptions(0).group(), "workers");
  EXPECT_EQ(list.subscriptions(2).policy(), v1::SLOW_SUBSCRIBER_POLICY_CONFLATE);
  EXPECT_EQ(list.subscriptions(2).conflated(), list.subscriptions(2).dropped());
  std::atomic<int> received{0};
  const auto read_all = [&](grpc::ClientReader<v1::SubscribeResponse>& stream) {
    v1::SubscribeResponse response;
    while (stream.Read(&response)) {
      if (received.fetch_add(response.deliveries_size()) + response.deliveries_size() < 100)
        continue;
      contexts[0].TryCancel();
      contexts[1].TryCancel();
    }
  };
  std::thread reader([&] { read_all(*one); });
  read_all(*two);
  reader.join();
  EXPECT_EQ(received, 100);
  v1::SubscribeResponse response;
  std::string last;
  while (last != published.ids(99) && conflated->Read(&response)) {
    for (const v1::Delivery& delivery : response.deliveries()) last = delivery.event().id();
  }
  EXPECT_EQ(last, published.ids(99));
}

TEST(Publish, RefusesAllWhenOneIsWrong) {
  RpcTestServer server;
  v1::PublishRequest request = Publication("a.b", 2);
  request.mutable_events(1)->set_topic("task.default.succeeded.echo");
  v1::PublishResponse response;
  const grpc::Status status = Publish(server, request, response);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("events[1].topic"));
  grpc::ClientContext context;
  v1::ListTopicsResponse topics;
  ASSERT_TRUE(server.bus_stub()->ListTopics(&context, v1::ListTopicsRequest(), &topics).ok());
  EXPECT_EQ(topics.topics_size(), 0);
}

TEST(Publish, MakesIdsAndRefusesEmptyRequests) {
  RpcTestServer server;
  v1::PublishRequest request = Publication("a.b", 1);
  request.mutable_events(0)->clear_id();
  v1::PublishResponse response;
  ASSERT_TRUE(Publish(server, request, response).ok());
  EXPECT_EQ(response.ids(0), "made");
  EXPECT_EQ(Publish(server, v1::PublishRequest(), response).error_code(),
            StatusCode::INVALID_ARGUMENT);
}

TEST(Publish, IsRefusedWhileTheServerDrains) {
  RpcTestServer server;
  server.draining = true;
  v1::PublishResponse response;
  const grpc::Status status = Publish(server, Publication("a.b", 1), response);
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonIn(status), "DRAINING");
}

TEST(ListTopics, GivesPagesInOrder) {
  RpcTestServer server;
  for (const char* topic : {"c", "a.x", "b"}) {
    v1::PublishResponse response;
    ASSERT_TRUE(Publish(server, Publication(topic, 2), response).ok());
  }
  std::vector<std::string> topics;
  std::string token;
  do {
    grpc::ClientContext context;
    v1::ListTopicsRequest request;
    request.set_page_size(2);
    request.set_page_token(token);
    v1::ListTopicsResponse response;
    ASSERT_TRUE(server.bus_stub()->ListTopics(&context, request, &response).ok());
    for (const v1::Topic& topic : response.topics()) {
      EXPECT_EQ(topic.published(), 2U);
      topics.push_back(topic.topic());
    }
    token = response.next_page_token();
  } while (!token.empty());
  EXPECT_THAT(topics, testing::ElementsAre("a.x", "b", "c"));
}

TEST(ListSubscriptions, ShowsWhoListens) {
  RpcTestServer server;
  auto stub = server.bus_stub();
  grpc::ClientContext context;
  context.set_deadline(Soon());
  v1::SubscribeRequest request;
  request.add_filters("a.>");
  request.set_label("me");
  auto stream = stub->Subscribe(&context, request);
  v1::SubscribeResponse response;
  ASSERT_TRUE(stream->Read(&response));
  grpc::ClientContext list_context;
  v1::ListSubscriptionsResponse list;
  ASSERT_TRUE(stub->ListSubscriptions(&list_context, v1::ListSubscriptionsRequest(), &list).ok());
  ASSERT_EQ(list.subscriptions_size(), 1);
  EXPECT_EQ(list.subscriptions(0).name(), response.subscription());
  EXPECT_EQ(list.subscriptions(0).label(), "me");
  EXPECT_EQ(list.subscriptions(0).policy(), v1::SLOW_SUBSCRIBER_POLICY_DROP_OLDEST);
}

}  // namespace
}  // namespace taskforge

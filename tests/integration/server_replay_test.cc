// Retained events in the real server, over the wire: clients that come later and come back.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "integration/server_fixture.h"

namespace taskforge {
namespace {

// One Subscribe call.
class Stream {
 public:
  Stream(v1::BusService::Stub& stub, const v1::SubscribeRequest& request)
      : stream_(stub.Subscribe(&context_, request)) {
    v1::SubscribeResponse first;
    if (!stream_->Read(&first)) {
      status_ = stream_->Finish();
      return;
    }
    is_live_ = true;
    name_ = first.subscription();
    cursor_ = first.cursor();
  }
  ~Stream() {
    if (!is_live_) return;
    context_.TryCancel();
    (void)stream_->Finish();
  }
  // What one message brings: ids, `-n` for n missed; it is handled then.
  std::vector<std::string> ReadMessage() {
    v1::SubscribeResponse response;
    std::vector<std::string> got;
    if (!stream_->Read(&response)) return got;
    for (const v1::Delivery& delivery : response.deliveries()) {
      got.push_back(delivery.has_event() ? delivery.event().id()
                                         : "-" + std::to_string(delivery.missed().count()));
      if (delivery.event().has_task()) got.back() = delivery.event().type();
    }
    cursor_ = response.cursor();
    return got;
  }
  // Whole messages until there are `count`.
  std::vector<std::string> Read(size_t count) {
    std::vector<std::string> all;
    while (all.size() < count) {
      std::vector<std::string> more = ReadMessage();
      if (more.empty()) break;
      for (std::string& each : more) all.push_back(std::move(each));
    }
    return all;
  }
  const std::string& cursor() const { return cursor_; }
  const std::string& name() const { return name_; }
  // REQUIRES: it did not begin.
  const grpc::Status& status() const { return status_; }
  std::string reason() const {
    google::rpc::Status details;
    google::rpc::ErrorInfo info;
    if (details.ParseFromString(status_.error_details()) && details.details_size() > 0) {
      details.details(0).UnpackTo(&info);
    }
    oldest_cursor_ =
        info.metadata().contains("oldest_cursor") ? info.metadata().at("oldest_cursor") : "";
    return info.reason();
  }
  std::string OldestCursor() const {
    std::string cursor;
    (void)reason();
    EXPECT_TRUE(absl::Base64Unescape(oldest_cursor_, &cursor));
    return cursor;
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::SubscribeResponse>> stream_;
  bool is_live_ = false;
  std::string name_;
  std::string cursor_;
  grpc::Status status_;
  mutable std::string oldest_cursor_;
};

class ServerReplayTest : public ServerFixture {
 protected:
  // Events `from` to `to`, without the end.
  void Publish(int from, int to, v1::Priority priority = v1::PRIORITY_NORMAL,
               const std::string& topic = "orders.a") {
    for (int i = from; i < to;) {
      v1::PublishRequest request;
      for (; i < to && request.events_size() < 1000; ++i) {
        v1::Event& event = *request.add_events();
        event.set_topic(topic);
        event.set_id(std::to_string(i));
        event.set_priority(priority);
      }
      grpc::ClientContext context;
      v1::PublishResponse response;
      const grpc::Status status = bus_->Publish(&context, request, &response);
      ASSERT_TRUE(status.ok()) << status.error_message();
    }
  }
  static std::vector<std::string> Ids(int from, int to) {
    std::vector<std::string> ids;
    for (int i = from; i < to; ++i) ids.push_back(std::to_string(i));
    return ids;
  }
  static v1::SubscribeRequest To(const std::string& filter) {
    v1::SubscribeRequest request;
    request.add_filters(filter);
    return request;
  }
  static v1::SubscribeRequest Earliest(const std::string& filter = "orders.>") {
    v1::SubscribeRequest request = To(filter);
    request.set_at(v1::START_AT_EARLIEST);
    return request;
  }
  static v1::SubscribeRequest Behind(const std::string& cursor) {
    v1::SubscribeRequest request = To("orders.>");
    request.set_cursor(cursor);
    return request;
  }
};

TEST_F(ServerReplayTest, AClientComesLaterAndComesBack) {
  Start({{"bus.replay.filters", "orders.>"}});
  Publish(0, 5);
  Publish(5, 7, v1::PRIORITY_HIGH);
  std::string cursor;
  {
    Stream stream(*bus_, Earliest());
    EXPECT_EQ(stream.Read(7), (std::vector<std::string>{"5", "6", "0", "1", "2", "3", "4"}));
    Publish(7, 9);
    EXPECT_EQ(stream.Read(2), Ids(7, 9));
    cursor = stream.cursor();
    EXPECT_LT(cursor.size(), 64U);
  }
  Publish(9, 12);
  Stream back(*bus_, Behind(cursor));
  EXPECT_EQ(back.Read(3), Ids(9, 12));
  Publish(12, 13);
  EXPECT_EQ(back.Read(1), Ids(12, 13));
}

TEST_F(ServerReplayTest, EachMessageSaysHowFarTheClientIs) {
  Start({{"bus.replay.filters", "orders.>"}, {"bus.replay.max_events", "5000"}});
  Publish(0, 3000);
  v1::SubscribeRequest request = Earliest();
  request.set_max_events(16);  // A replay does not wait in the subscription.
  std::vector<std::string> all;
  // One message of each stream: the rest of what it was sent is lost with it.
  while (all.size() < 3000) {
    Stream stream(*bus_, request);
    std::vector<std::string> more = stream.ReadMessage();
    ASSERT_FALSE(more.empty());
    for (std::string& each : more) all.push_back(std::move(each));
    request.set_cursor(stream.cursor());
  }
  EXPECT_EQ(all, Ids(0, 3000));
}

TEST_F(ServerReplayTest, ACursorIsGoodBeforeTheFirstEvent) {
  Start({{"bus.replay.filters", "orders.>"}});
  Publish(0, 2);
  std::string cursor;
  {
    Stream stream(*bus_, To("orders.>"));
    cursor = stream.cursor();
    EXPECT_FALSE(cursor.empty());
  }
  Publish(2, 4);
  Stream back(*bus_, Behind(cursor));
  EXPECT_EQ(back.Read(2), Ids(2, 4));
  Stream other(*bus_, To("other.>"));
  EXPECT_EQ(other.cursor(), "");
}

TEST_F(ServerReplayTest, TellsWhatIsRetainedNoLonger) {
  Start({{"bus.replay.filters", "orders.>"}, {"bus.replay.max_events", "4"}});
  const std::string cursor = Stream(*bus_, To("orders.>")).cursor();
  Publish(0, 10);
  Stream back(*bus_, Behind(cursor));
  EXPECT_EQ(back.Read(5), (std::vector<std::string>{"-6", "6", "7", "8", "9"}));
  EXPECT_EQ(Stream(*bus_, Earliest()).Read(4), Ids(6, 10));
  v1::SubscribeRequest last = To("orders.>");
  last.set_last(2);
  EXPECT_EQ(Stream(*bus_, last).Read(2), Ids(8, 10));
}

TEST_F(ServerReplayTest, ACursorOfAnotherLifeIsGoneAndSaysWhereToBegin) {
  Start({{"bus.replay.filters", "orders.>"}});
  Publish(0, 3);
  std::string cursor;
  {
    Stream stream(*bus_, Earliest());
    ASSERT_EQ(stream.Read(3).size(), 3U);
    cursor = stream.cursor();
  }
  Stop();
  Start({{"bus.replay.filters", "orders.>"}});
  Publish(3, 5);
  const Stream gone(*bus_, Behind(cursor));
  EXPECT_EQ(gone.status().error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(gone.reason(), "CURSOR_GONE");
  EXPECT_EQ(Stream(*bus_, Behind(gone.OldestCursor())).Read(2), Ids(3, 5));
}

TEST_F(ServerReplayTest, SaysWhatCannotBe) {
  Start({{"bus.replay.filters", "orders.>"}});
  const Stream junk(*bus_, Behind("junk"));
  EXPECT_EQ(junk.status().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(junk.status().error_message().find("cursor"), std::string::npos);
  v1::SubscribeRequest grouped = Earliest();
  grouped.set_group("g");
  const Stream group(*bus_, grouped);
  EXPECT_EQ(group.status().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(group.status().error_message().find("group"), std::string::npos);
  const Stream other(*bus_, Earliest("other.>"));
  EXPECT_EQ(other.status().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(other.reason(), "NOT_RETAINED");
}

TEST_F(ServerReplayTest, WhatBecameOfTasksCanBeReadLater) {
  Start({{"bus.replay.filters", "task.*.succeeded.>"}});
  v1::Task done;
  ASSERT_TRUE(Run(MakeTask("echo", "x"), &done).ok());
  Stream stream(*bus_, Earliest("task.>"));
  EXPECT_EQ(stream.Read(1), (std::vector<std::string>{"taskforge.task.succeeded"}));
}

TEST_F(ServerReplayTest, ListsSayWhatIsRetainedAndWhoReplays) {
  Start({{"bus.replay.filters", "orders.>"}, {"bus.replay.max_events", "3"}});
  Publish(0, 5);
  Stream stream(*bus_, Earliest());
  ASSERT_EQ(stream.Read(3), Ids(2, 5));
  grpc::ClientContext topics_context;
  v1::ListTopicsResponse topics;
  ASSERT_TRUE(bus_->ListTopics(&topics_context, {}, &topics).ok());
  ASSERT_EQ(topics.topics_size(), 1);
  EXPECT_EQ(topics.topics(0).published(), 5U);
  EXPECT_EQ(topics.topics(0).retained(), 3U);
  grpc::ClientContext context;
  v1::ListSubscriptionsResponse subscriptions;
  ASSERT_TRUE(bus_->ListSubscriptions(&context, {}, &subscriptions).ok());
  ASSERT_EQ(subscriptions.subscriptions_size(), 1);
  EXPECT_EQ(subscriptions.subscriptions(0).name(), stream.name());
  EXPECT_EQ(subscriptions.subscriptions(0).replayed(), 3U);
  EXPECT_FALSE(subscriptions.subscriptions(0).replaying());
}

}  // namespace
}  // namespace taskforge

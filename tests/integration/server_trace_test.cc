// traceparent and x-request-id on their way: into the task, to its handler, onto events and back.
#include <map>

#include "integration/server_fixture.h"

namespace taskforge {
namespace {

constexpr char kTraceparent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class ServerTraceTest : public ServerFixture {
 protected:
  static void AddTrace(grpc::ClientContext& context, const std::string& x_request_id) {
    context.AddMetadata("traceparent", kTraceparent);
    context.AddMetadata("x-request-id", x_request_id);
  }
  v1::Task SubmitTraced(v1::Task task, const std::string& x_request_id) {
    grpc::ClientContext context;
    AddTrace(context, x_request_id);
    v1::SubmitTaskRequest request;
    *request.mutable_task() = std::move(task);
    v1::Task out;
    const grpc::Status status = tasks_->SubmitTask(&context, request, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  static v1::SubscribeRequest To(const std::string& filter) {
    v1::SubscribeRequest request;
    request.add_filters(filter);
    return request;
  }
  // The next events of a subscription.
  static std::vector<v1::Event> ReadEvents(LiveSubscription& subscription, size_t count) {
    std::vector<v1::Event> events;
    v1::SubscribeResponse response;
    while (events.size() < count && subscription.Read(&response)) {
      for (const v1::Delivery& delivery : response.deliveries()) events.push_back(delivery.event());
    }
    return events;
  }
  static std::map<std::string, std::string> AttributesOf(const v1::Event& event) {
    return {event.attributes().begin(), event.attributes().end()};
  }
};

TEST_F(ServerTraceTest, ReachesEveryEventOfATask) {
  Start();
  LiveSubscription subscription(*bus_, To("task.>"));
  ASSERT_TRUE(subscription.is_live());
  SubmitTraced(MakeTask("echo", "x"), "r-1");
  const std::map<std::string, std::string> expected = {{"traceparent", kTraceparent},
                                                       {"xrequestid", "r-1"}};
  const std::vector<v1::Event> events = ReadEvents(subscription, 2);
  ASSERT_EQ(events.size(), 2u);
  for (const v1::Event& event : events) EXPECT_EQ(AttributesOf(event), expected) << event.type();
}

TEST_F(ServerTraceTest, ReachesTasksOfAStreamAndRetries) {
  Start();
  LiveSubscription subscription(*bus_, To("task.default.failed.>"));
  ASSERT_TRUE(subscription.is_live());
  std::string name;
  {
    grpc::ClientContext context;
    AddTrace(context, "of-the-stream");
    const auto stream = tasks_->SubmitTasks(&context);
    v1::SubmitTasksRequest request;
    *request.add_items()->mutable_request()->mutable_task() =
        MakeTask("fail", R"({"reason":"X","retryable":false})");
    ASSERT_TRUE(stream->Write(request));
    ASSERT_TRUE(stream->WritesDone());
    v1::SubmitTasksResponse response;
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.acks_size(), 1);
    name = response.acks(0).name();
    while (stream->Read(&response)) {
    }
    ASSERT_TRUE(stream->Finish().ok());
  }
  std::vector<v1::Event> events = ReadEvents(subscription, 1);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(AttributesOf(events[0])["xrequestid"], "of-the-stream");
  Wait(name);
  grpc::ClientContext context;
  AddTrace(context, "of-the-retry");
  v1::RetryTaskRequest request;
  request.set_name(name);
  v1::Task retry;
  ASSERT_TRUE(tasks_->RetryTask(&context, request, &retry).ok());
  events = ReadEvents(subscription, 1);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(AttributesOf(events[0])["xrequestid"], "of-the-retry");
}

TEST_F(ServerTraceTest, ReachesAWorkerWithItsAssignment) {
  Start();
  grpc::ClientContext context;
  const auto stream = workers_->Work(&context);
  v1::WorkRequest hello;
  hello.mutable_hello()->add_handlers("remote");
  hello.set_credit(2);
  ASSERT_TRUE(stream->Write(hello));
  v1::WorkResponse response;
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_TRUE(response.has_welcome());
  std::vector<v1::Assignment> got;
  const auto read = [&] {
    while (response.assignments_size() == 0 && stream->Read(&response)) {
    }
    got.insert(got.end(), response.assignments().begin(), response.assignments().end());
    response.Clear();
  };
  SubmitTraced(MakeTask("remote", "x"), "r-2");
  read();
  SubmitOk(MakeTask("remote", "y"));
  read();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].traceparent(), kTraceparent);
  EXPECT_EQ(got[0].x_request_id(), "r-2");
  EXPECT_EQ(got[1].traceparent(), "");
  EXPECT_EQ(got[1].x_request_id(), "");
  v1::WorkRequest results;
  for (const v1::Assignment& assignment : got) {
    v1::AssignmentResult& result = *results.add_results();
    *result.mutable_fence() = assignment.fence();
    result.mutable_output()->set_text_data("done");
  }
  ASSERT_TRUE(stream->Write(results));
  stream->WritesDone();
  while (stream->Read(&response)) {
  }
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServerTraceTest, ReachesPublishedEventsThatHaveNoneOfTheirOwn) {
  Start();
  LiveSubscription subscription(*bus_, To("orders.>"));
  ASSERT_TRUE(subscription.is_live());
  grpc::ClientContext context;
  AddTrace(context, "r-3");
  v1::PublishRequest request;
  request.add_events()->set_topic("orders.1");
  v1::Event& own = *request.add_events();
  own.set_topic("orders.2");
  (*own.mutable_attributes())["xrequestid"] = "its own";
  v1::PublishResponse published;
  ASSERT_TRUE(bus_->Publish(&context, request, &published).ok());
  const std::vector<v1::Event> events = ReadEvents(subscription, 2);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(AttributesOf(events[0]), (std::map<std::string, std::string>{
                                         {"traceparent", kTraceparent}, {"xrequestid", "r-3"}}));
  EXPECT_EQ(AttributesOf(events[1]),
            (std::map<std::string, std::string>{{"traceparent", kTraceparent},
                                                {"xrequestid", "its own"}}));
  EXPECT_EQ(context.GetServerTrailingMetadata().count("x-request-id"), 1u);
}

}  // namespace
}  // namespace taskforge

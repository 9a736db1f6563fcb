// How calls end when the server does.
#include <algorithm>
#include <thread>

#include "base/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "gtest/gtest.h"
#include "integration/rpc_test_server.h"

namespace taskforge {
namespace {

using grpc::StatusCode;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using Mode = FakeTasks::Mode;

// Every call ends at shutdown, whatever it waits for.
TEST(Shutdown, EndsOpenStreamsAndWaitingCalls) {
  auto server = std::make_unique<RpcTestServer>(Mode::kHold);
  const auto channel = server->channel;
  const v1::Task task = SubmitEcho(*server);
  auto tasks = server->tasks_stub();
  auto bus = server->bus_stub();
  auto health = grpc::health::v1::Health::NewStub(channel);
  grpc::ClientContext watch_context, subscribe_context, submit_context, health_context;
  v1::WatchTaskRequest watch_request;
  watch_request.set_name(task.name());
  auto watch = tasks->WatchTask(&watch_context, watch_request);
  v1::SubscribeRequest subscribe_request;
  subscribe_request.add_filters("a.>");
  auto subscribe = bus->Subscribe(&subscribe_context, subscribe_request);
  auto submit = tasks->SubmitTasks(&submit_context);
  auto health_watch = health->Watch(&health_context, HealthCheckRequest());
  v1::WatchTaskResponse watched;
  v1::SubscribeResponse subscribed;
  HealthCheckResponse healthy;
  ASSERT_TRUE(watch->Read(&watched));
  ASSERT_TRUE(subscribe->Read(&subscribed));
  ASSERT_TRUE(health_watch->Read(&healthy));
  std::thread runner([&tasks] {
    grpc::ClientContext context;
    v1::Task result;
    const grpc::Status status = tasks->RunTask(&context, RunRequest("echo", "x"), &result);
    EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
    EXPECT_EQ(ReasonIn(status), "DRAINING");
  });
  while (server->tasks.LiveNames().size() < 2) std::this_thread::yield();

  server->server->EndStreams();
  EXPECT_FALSE(watch->Read(&watched));
  EXPECT_FALSE(subscribe->Read(&subscribed));
  v1::SubmitTasksResponse acks;
  EXPECT_FALSE(submit->Read(&acks));
  for (const grpc::Status& status : {watch->Finish(), subscribe->Finish(), submit->Finish()}) {
    EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE) << status.error_message();
    EXPECT_EQ(ReasonIn(status), "DRAINING");
    google::rpc::RetryInfo retry;
    const google::rpc::Status details = DetailsIn(status);
    EXPECT_TRUE(std::any_of(details.details().begin(), details.details().end(),
                            [&](const auto& any) { return any.UnpackTo(&retry); }));
  }
  runner.join();
  server->server->Shutdown(absl::Seconds(5));
  EXPECT_FALSE(health_watch->Read(&healthy));
  health_watch->Finish();
}

// As while the disk is full: the task has ended, and that cannot be written.
TEST(Shutdown, DoesNotWaitForACancelThatIsNotKept) {
  RpcTestServer server(Mode::kHold);
  const v1::Task task = SubmitEcho(server);
  // The fake lists what has ended, as what was listed a moment before its end.
  server.tasks.Finish(SubmitEcho(server).name(), TaskState::kSucceeded);
  server.tasks.HoldCancels();
  std::thread client([&] {
    grpc::ClientContext context;
    v1::CancelTaskRequest request;
    request.set_name(task.name());
    v1::Task result;
    const grpc::Status status = server.tasks_stub()->CancelTask(&context, request, &result);
    EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE) << status.error_message();
    EXPECT_EQ(ReasonIn(status), "DRAINING");
  });
  std::thread client_of_many([&] {
    grpc::ClientContext context;
    v1::CancelTasksRequest request;
    request.set_parent("queues/default");
    v1::CancelTasksResponse result;
    const grpc::Status status = server.tasks_stub()->CancelTasks(&context, request, &result);
    EXPECT_EQ(ReasonIn(status), "DRAINING") << status.error_message();
  });
  while (server.tasks.held_cancels() < 2) std::this_thread::yield();
  server.server->EndStreams();
  client.join();
  client_of_many.join();
  server.server->Shutdown(absl::Seconds(5));
}

// A call whose answer comes from another thread after its connection is gone: it may not be begun
// on a completion queue that is shut down.
TEST(Shutdown, WaitsForAnswersThatAreOnTheirWay) {
  RpcTestServer server;
  server.tasks.HoldReceipts();
  std::thread client([&server] {
    grpc::ClientContext context;
    v1::Task task;
    EXPECT_FALSE(server.tasks_stub()->SubmitTask(&context, SubmitRequest("echo", "x"), &task).ok());
  });
  while (server.tasks.held() == 0) std::this_thread::yield();
  Notification down;
  std::thread stopper([&] {
    server.server->Shutdown(absl::ZeroDuration());
    down.Notify();
  });
  client.join();  // It was cancelled: gRPC's part of the shutdown is over, or nearly.
  EXPECT_FALSE(down.WaitFor(absl::Milliseconds(100)));
  server.tasks.ReleaseReceipts();
  stopper.join();
}

TEST(Shutdown, WithoutGraceCancelsWhatIsOpen) {
  RpcTestServer server(Mode::kHold);
  auto tasks = server.tasks_stub();
  grpc::ClientContext context;
  auto stream = tasks->SubmitTasks(&context);
  v1::SubmitTasksRequest request;
  *request.add_items()->mutable_request() = SubmitRequest("echo", "x");
  ASSERT_TRUE(stream->Write(request));
  v1::SubmitTasksResponse response;
  ASSERT_TRUE(stream->Read(&response));
  server.server->Shutdown(absl::ZeroDuration());
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_FALSE(stream->Finish().ok());
}

}  // namespace
}  // namespace taskforge

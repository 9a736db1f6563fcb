// RunTask and SubmitTask over the wire.
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration/rpc_test_server.h"

namespace taskforge {
namespace {

using grpc::StatusCode;
using Mode = FakeTasks::Mode;

TEST(RunTask, ReturnsTheFinishedTaskAndItsTimes) {
  RpcTestServer server;
  grpc::ClientContext context;
  v1::Task task;
  const grpc::Status status =
      server.tasks_stub()->RunTask(&context, RunRequest("echo", "hello"), &task);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(task.state(), v1::TASK_STATE_SUCCEEDED);
  EXPECT_EQ(task.output().text_data(), "hello");
  EXPECT_EQ(task.name(), "queues/default/tasks/t1");
  EXPECT_EQ(TrailerOf(context, "x-queue-us"), "80");
  EXPECT_EQ(TrailerOf(context, "x-run-us"), "40");
}

TEST(RunTask, EchoesRequestIdAndTraceparent) {
  RpcTestServer server;
  grpc::ClientContext context;
  context.AddMetadata("x-request-id", "r-17");
  const std::string traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  context.AddMetadata("traceparent", traceparent);
  v1::Task task;
  ASSERT_TRUE(server.tasks_stub()->RunTask(&context, RunRequest("echo", "x"), &task).ok());
  EXPECT_EQ(TrailerOf(context, "x-request-id"), "r-17");
  EXPECT_EQ(TrailerOf(context, "traceparent"), traceparent);
  EXPECT_EQ(server.tasks.last_spec().origin->traceparent, traceparent);
  EXPECT_EQ(server.tasks.last_spec().origin->x_request_id, "r-17");
}

TEST(RunTask, IgnoresATraceThatIsNotValid) {
  RpcTestServer server;
  grpc::ClientContext context;
  context.AddMetadata("x-request-id", std::string(129, 'r'));
  context.AddMetadata("traceparent", "00-1-2-01");
  v1::Task task;
  ASSERT_TRUE(server.tasks_stub()->RunTask(&context, RunRequest("echo", "x"), &task).ok());
  EXPECT_EQ(TrailerOf(context, "x-request-id"), "");
  EXPECT_EQ(TrailerOf(context, "traceparent"), "");
  EXPECT_EQ(server.tasks.last_spec().origin->traceparent, "");
  EXPECT_EQ(server.tasks.last_spec().origin->x_request_id, "");
}

TEST(RunTask, WaitsUntilTheTaskEnds) {
  RpcTestServer server(Mode::kHold);
  std::thread finisher([&server] {
    while (server.tasks.LiveNames().empty()) std::this_thread::yield();
    server.tasks.FinishAll();
  });
  grpc::ClientContext context;
  context.set_deadline(Soon());
  v1::Task task;
  const grpc::Status status =
      server.tasks_stub()->RunTask(&context, RunRequest("echo", "x"), &task);
  finisher.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST(RunTask, CancelsTheTaskWhenTheClientGoesIfAsked) {
  RpcTestServer server(Mode::kHold);
  v1::RunTaskRequest request = RunRequest("echo", "x");
  request.mutable_task()->set_cancel_on_disconnect(true);
  grpc::ClientContext context;
  std::thread canceller([&server, &context] {
    while (server.tasks.LiveNames().empty()) std::this_thread::yield();
    context.TryCancel();
  });
  v1::Task task;
  EXPECT_EQ(server.tasks_stub()->RunTask(&context, request, &task).error_code(),
            StatusCode::CANCELLED);
  canceller.join();
  while (server.tasks.cancelled().empty()) std::this_thread::yield();
  EXPECT_THAT(server.tasks.cancelled(), testing::ElementsAre("queues/default/tasks/t1"));
}

TEST(RunTask, LeavesTheTaskAloneWhenTheClientGoesOtherwise) {
  RpcTestServer server(Mode::kHold);
  grpc::ClientContext context;
  std::thread canceller([&server, &context] {
    while (server.tasks.LiveNames().empty()) std::this_thread::yield();
    context.TryCancel();
  });
  v1::Task task;
  EXPECT_EQ(server.tasks_stub()->RunTask(&context, RunRequest("echo", "x"), &task).error_code(),
            StatusCode::CANCELLED);
  canceller.join();
  // The server hears of it later than the client; it has done what it does once the call is over.
  while (server.StatsOf("RunTask").handled[StatusCode::CANCELLED] == 0) std::this_thread::yield();
  EXPECT_THAT(server.tasks.LiveNames(), testing::SizeIs(1));
  EXPECT_THAT(server.tasks.cancelled(), testing::IsEmpty());
}

TEST(SubmitTask, ReturnsTheAcceptedTaskAtOnce) {
  RpcTestServer server(Mode::kHold);
  grpc::ClientContext context;
  v1::Task task;
  ASSERT_TRUE(server.tasks_stub()->SubmitTask(&context, SubmitRequest("echo", "x"), &task).ok());
  EXPECT_EQ(task.state(), v1::TASK_STATE_QUEUED);
  EXPECT_EQ(task.effective_durability(), v1::DURABILITY_MEMORY);
}

TEST(SubmitTask, TakesTheServersDefaultPriority) {
  RpcTestServer server;
  grpc::ClientContext context;
  v1::Task task;
  ASSERT_TRUE(server.tasks_stub()->SubmitTask(&context, SubmitRequest("echo", "x"), &task).ok());
  EXPECT_EQ(task.priority(), v1::PRIORITY_HIGH);
}

TEST(SubmitTask, TellsAllViolationsAtOnce) {
  RpcTestServer server;
  v1::SubmitTaskRequest request = SubmitRequest("echo", "x");
  request.set_parent("nonsense");
  request.mutable_task()->set_priority(static_cast<v1::Priority>(17));
  request.mutable_task()->mutable_deadline()->set_nanos(-1);
  request.mutable_task()->mutable_run_timeout()->set_seconds(1'000'000'000'000);
  grpc::ClientContext context;
  v1::Task task;
  const grpc::Status status = server.tasks_stub()->SubmitTask(&context, request, &task);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(FieldsIn(status), testing::UnorderedElementsAre("parent", "task.priority",
                                                              "task.deadline", "task.run_timeout"));
}

TEST(SubmitTask, RefusesToCancelOnDisconnect) {
  RpcTestServer server;
  v1::SubmitTaskRequest request = SubmitRequest("echo", "x");
  request.mutable_task()->set_cancel_on_disconnect(true);
  grpc::ClientContext context;
  v1::Task task;
  const grpc::Status status = server.tasks_stub()->SubmitTask(&context, request, &task);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("RunTask or SubmitTasks"));
  EXPECT_THAT(FieldsIn(status), testing::ElementsAre("task.cancel_on_disconnect"));
}

TEST(SubmitTask, RefusesWhatOnlyTheServerSets) {
  RpcTestServer server;
  v1::SubmitTaskRequest request = SubmitRequest("echo", "x");
  request.mutable_task()->set_state(v1::TASK_STATE_SUCCEEDED);
  request.mutable_task()->mutable_output()->set_text_data("forged");
  request.mutable_task()->add_attempts();
  grpc::ClientContext context;
  v1::Task task;
  const grpc::Status status = server.tasks_stub()->SubmitTask(&context, request, &task);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("output only"));
  EXPECT_THAT(FieldsIn(status),
              testing::UnorderedElementsAre("task.state", "task.output", "task.attempts"));
}

TEST(SubmitTask, RefusesADurabilityThatIsNotOffered) {
  RpcTestServer server;
  v1::SubmitTaskRequest request = SubmitRequest("echo", "x");
  request.mutable_task()->set_durability(v1::DURABILITY_DURABLE);
  grpc::ClientContext context;
  v1::Task task;
  const grpc::Status status = server.tasks_stub()->SubmitTask(&context, request, &task);
  EXPECT_EQ(status.error_code(), StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("task.durability"));
}

TEST(SubmitTask, SaysWhenToTryAgain) {
  RpcTestServer server;
  ErrorDetails details;
  details.reason = "QUEUE_FULL";
  details.quota_violations.push_back({"queues/default", "10 of 10 tasks"});
  details.retry_after = absl::Milliseconds(250);
  server.tasks.Refuse(WithDetails(absl::ResourceExhaustedError("full"), details));
  grpc::ClientContext context;
  v1::Task task;
  const grpc::Status status =
      server.tasks_stub()->SubmitTask(&context, SubmitRequest("echo", "x"), &task);
  EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonIn(status), "QUEUE_FULL");
  EXPECT_EQ(TrailerOf(context, "grpc-retry-pushback-ms"), "250");
}

}  // namespace
}  // namespace taskforge

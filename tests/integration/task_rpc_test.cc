// TaskService over the wire.
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
  google::rpc::BadRequest bad;
  const google::rpc::Status details = DetailsIn(status);
  for (const auto& any : details.details()) any.UnpackTo(&bad);
  std::vector<std::string> fields;
  for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  EXPECT_THAT(fields, testing::UnorderedElementsAre("parent", "task.priority", "task.deadline",
                                                    "task.run_timeout"));
}

std::vector<std::string> FieldsIn(const grpc::Status& status) {
  const google::rpc::Status details = DetailsIn(status);
  google::rpc::BadRequest bad;
  for (const auto& any : details.details()) any.UnpackTo(&bad);
  std::vector<std::string> fields;
  for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  return fields;
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

TEST(GetTask, FindsByFullAndShortNameAndSaysWhatIsNotThere) {
  RpcTestServer server;
  {
    grpc::ClientContext context;
    v1::Task task;
    ASSERT_TRUE(server.tasks_stub()->SubmitTask(&context, SubmitRequest("echo", "x"), &task).ok());
  }
  const std::vector<std::pair<std::string, StatusCode>> cases = {
      {"queues/default/tasks/t1", StatusCode::OK},
      {"namespaces/default/queues/default/tasks/t1", StatusCode::OK},
      {"t1", StatusCode::OK},
      {"t2", StatusCode::NOT_FOUND},
      {"namespaces/other/queues/default/tasks/t1", StatusCode::NOT_FOUND},
      {"queues/default/tasks/", StatusCode::INVALID_ARGUMENT},
      {"queues/Q/tasks/t1", StatusCode::INVALID_ARGUMENT},
      {"", StatusCode::INVALID_ARGUMENT},
  };
  for (const auto& [name, code] : cases) {
    grpc::ClientContext context;
    v1::GetTaskRequest request;
    request.set_name(name);
    v1::Task task;
    EXPECT_EQ(server.tasks_stub()->GetTask(&context, request, &task).error_code(), code) << name;
  }
}

TEST(ListTasks, PassesFilterAndLeavesPayloadsOut) {
  RpcTestServer server;
  for (int i = 0; i < 3; ++i) {
    grpc::ClientContext context;
    v1::Task task;
    ASSERT_TRUE(server.tasks_stub()->SubmitTask(&context, SubmitRequest("echo", "x"), &task).ok());
  }
  grpc::ClientContext context;
  v1::ListTasksRequest request;
  request.set_page_size(2);
  request.set_parent("queues/default");
  request.set_filter("state = SUCCEEDED AND handler = \"echo\"");
  v1::ListTasksResponse response;
  ASSERT_TRUE(server.tasks_stub()->ListTasks(&context, request, &response).ok());
  ASSERT_EQ(response.tasks_size(), 2);
  EXPECT_EQ(response.next_page_token(), "more");
  EXPECT_FALSE(response.tasks(0).has_input());
  EXPECT_FALSE(response.tasks(0).has_output());
  EXPECT_EQ(server.tasks.last_filter().queue, "default");
  EXPECT_EQ(server.tasks.last_filter().handler, "echo");
}

TEST(WaitTask, ReturnsTheTaskAsItIsWhenTheTimeIsOver) {
  RpcTestServer server(Mode::kHold);
  v1::Task task;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(server.tasks_stub()->SubmitTask(&context, SubmitRequest("echo", "x"), &task).ok());
  }
  grpc::ClientContext context;
  context.set_deadline(Soon());
  v1::WaitTaskRequest request;
  request.set_name(task.name());
  request.mutable_timeout()->set_nanos(20'000'000);
  ASSERT_TRUE(server.tasks_stub()->WaitTask(&context, request, &task).ok());
  EXPECT_EQ(task.state(), v1::TASK_STATE_QUEUED);
}

TEST(WaitTask, ReturnsWhenTheTaskEnds) {
  RpcTestServer server(Mode::kHold);
  v1::Task task;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(server.tasks_stub()->SubmitTask(&context, SubmitRequest("echo", "x"), &task).ok());
  }
  std::thread finisher([&server] {
    while (server.StatsOf("WaitTask").started == 0) std::this_thread::yield();
    server.tasks.FinishAll();
  });
  grpc::ClientContext context;
  context.set_deadline(Soon());
  v1::WaitTaskRequest request;
  request.set_name(task.name());
  const grpc::Status status = server.tasks_stub()->WaitTask(&context, request, &task);
  finisher.join();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(task.state(), v1::TASK_STATE_SUCCEEDED);
}

TEST(WatchTask, SendsChangesUntilTheEndAndResumesByCursor) {
  RpcTestServer server(Mode::kHold);
  v1::Task task;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(server.tasks_stub()->SubmitTask(&context, SubmitRequest("echo", "x"), &task).ok());
  }
  v1::WatchTaskRequest request;
  request.set_name(task.name());
  v1::WatchTaskResponse response;
  {
    grpc::ClientContext context;
    context.set_deadline(Soon());
    auto stream = server.tasks_stub()->WatchTask(&context, request);
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.task().state(), v1::TASK_STATE_QUEUED);
    server.tasks.ReportProgress(task.name(), 0.5);
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.task().progress().fraction(), 0.5);
    server.tasks.FinishAll();
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.task().state(), v1::TASK_STATE_SUCCEEDED);
    EXPECT_FALSE(stream->Read(&response));
    EXPECT_TRUE(stream->Finish().ok());
  }
  grpc::ClientContext context;
  request.set_cursor(response.cursor());
  auto stream = server.tasks_stub()->WatchTask(&context, request);
  EXPECT_FALSE(stream->Read(&response)) << "what was seen is not sent again";
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(WatchTask, RefusesACursorThatIsNotOfThisTask) {
  RpcTestServer server(Mode::kHold);
  v1::Task task;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(server.tasks_stub()->SubmitTask(&context, SubmitRequest("echo", "x"), &task).ok());
  }
  v1::WatchTaskRequest request;
  request.set_name(task.name());
  v1::WatchTaskResponse response;
  const auto end_of = [&](const std::string& cursor) {
    grpc::ClientContext context;
    context.set_deadline(Soon());
    request.set_cursor(cursor);
    auto stream = server.tasks_stub()->WatchTask(&context, request);
    EXPECT_FALSE(stream->Read(&response));
    return stream->Finish();
  };
  const std::string other_life = std::string(1, '\x01') + std::string(16, '\x07') + task.uid();
  for (const bool has_ended : {false, true}) {
    if (has_ended) server.tasks.FinishAll();
    EXPECT_EQ(end_of("junk").error_code(), StatusCode::INVALID_ARGUMENT);
    const grpc::Status gone = end_of(other_life);
    EXPECT_EQ(gone.error_code(), StatusCode::OUT_OF_RANGE);
    EXPECT_EQ(ReasonIn(gone), "CURSOR_GONE");
  }
}

TEST(CancelTask, CancelsAndRefusesWhatHasEnded) {
  RpcTestServer server(Mode::kHold);
  v1::Task task;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(server.tasks_stub()->SubmitTask(&context, SubmitRequest("echo", "x"), &task).ok());
  }
  v1::CancelTaskRequest request;
  request.set_name(task.name());
  {
    grpc::ClientContext context;
    ASSERT_TRUE(server.tasks_stub()->CancelTask(&context, request, &task).ok());
    EXPECT_EQ(task.state(), v1::TASK_STATE_CANCELLED);
  }
  grpc::ClientContext context;
  const grpc::Status status = server.tasks_stub()->CancelTask(&context, request, &task);
  EXPECT_EQ(status.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonIn(status), "TASK_ENDED");
}

TEST(RetryTask, SubmitsTheSameAgainAndNamesTheOldOne) {
  RpcTestServer server;
  v1::Task task;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(server.tasks_stub()->SubmitTask(&context, SubmitRequest("echo", "x"), &task).ok());
  }
  grpc::ClientContext context;
  v1::RetryTaskRequest request;
  request.set_name(task.name());
  v1::Task again;
  ASSERT_TRUE(server.tasks_stub()->RetryTask(&context, request, &again).ok());
  EXPECT_NE(again.name(), task.name());
  EXPECT_EQ(again.retry_of(), task.name());
  EXPECT_EQ(again.input().text_data(), "x");
}

TEST(RetryTask, DoesNotEndWithItsCall) {
  RpcTestServer server;
  v1::RunTaskRequest first = RunRequest("echo", "x");
  first.mutable_task()->set_cancel_on_disconnect(true);
  v1::Task task;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(server.tasks_stub()->RunTask(&context, first, &task).ok());
  }
  grpc::ClientContext context;
  v1::RetryTaskRequest request;
  request.set_name(task.name());
  v1::Task again;
  ASSERT_TRUE(server.tasks_stub()->RetryTask(&context, request, &again).ok());
  EXPECT_FALSE(again.cancel_on_disconnect());
}

TEST(DeleteTask, ForgetsWhatHasEnded) {
  RpcTestServer server;
  v1::Task task;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(server.tasks_stub()->SubmitTask(&context, SubmitRequest("echo", "x"), &task).ok());
  }
  v1::DeleteTaskRequest request;
  request.set_name(task.name());
  google::protobuf::Empty empty;
  {
    grpc::ClientContext context;
    EXPECT_TRUE(server.tasks_stub()->DeleteTask(&context, request, &empty).ok());
  }
  grpc::ClientContext context;
  EXPECT_EQ(server.tasks_stub()->DeleteTask(&context, request, &empty).error_code(),
            StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace taskforge

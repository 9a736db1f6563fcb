// What becomes of tasks that there are: TaskService over the wire.
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration/rpc_test_server.h"

namespace taskforge {
namespace {

using grpc::StatusCode;
using Mode = FakeTasks::Mode;

TEST(GetTask, FindsByFullAndShortNameAndSaysWhatIsNotThere) {
  RpcTestServer server;
  SubmitEcho(server);
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
  for (int i = 0; i < 3; ++i) SubmitEcho(server);
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
  v1::Task task = SubmitEcho(server);
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
  v1::Task task = SubmitEcho(server);
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
  v1::Task task = SubmitEcho(server);
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
  v1::Task task = SubmitEcho(server);
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
  v1::Task task = SubmitEcho(server);
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
  v1::Task task = SubmitEcho(server);
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
  v1::Task task = SubmitEcho(server);
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

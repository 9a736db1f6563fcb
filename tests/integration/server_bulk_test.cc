// Many tasks at once, and why they wait, in the real server, over the wire.
#include <set>

#include "integration/server_fixture.h"
#include "taskforge/v1/queue_service.grpc.pb.h"

namespace taskforge {
namespace {

class ServerBulkTest : public ServerFixture {
 protected:
  void Pause(const std::string& reason) {
    const auto queues = v1::QueueService::NewStub(channel());
    grpc::ClientContext context;
    v1::PauseQueueRequest request;
    request.set_name("queues/default");
    request.set_reason(reason);
    v1::Queue out;
    const grpc::Status status = queues->PauseQueue(&context, request, &out);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  grpc::Status CancelMany(const v1::CancelTasksRequest& request, v1::CancelTasksResponse* out) {
    grpc::ClientContext context;
    return tasks().CancelTasks(&context, request, out);
  }
  grpc::Status RetryMany(const v1::RetryTasksRequest& request, v1::RetryTasksResponse* out) {
    grpc::ClientContext context;
    return tasks().RetryTasks(&context, request, out);
  }
  v1::ExplainTaskResponse Explain(const std::string& name) {
    grpc::ClientContext context;
    v1::ExplainTaskRequest request;
    request.set_name(name);
    v1::ExplainTaskResponse out;
    const grpc::Status status = tasks().ExplainTask(&context, request, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  std::string FailOne(const std::string& reason) {
    const std::string input =
        R"({"reason":")" + reason + R"(","message":"as asked","retryable":false})";
    const std::string name = SubmitOk(MakeTask("fail", input)).name();
    EXPECT_EQ(Wait(name).state(), v1::TASK_STATE_FAILED);
    return name;
  }
  v1::TaskService::Stub& tasks() { return *tasks_; }
  const std::shared_ptr<grpc::Channel>& channel() { return channel_; }
};

TEST_F(ServerBulkTest, CancelsWhatAFilterSelectsPageByPage) {
  Start();
  Pause("so that all wait");
  constexpr int kTasks = 25;
  std::set<std::string> names;
  for (int i = 0; i < kTasks; ++i) names.insert(SubmitOk(MakeTask("echo", "x")).name());
  const std::string other = SubmitOk(MakeTask("sha256", "x")).name();
  v1::CancelTasksRequest request;
  request.set_parent("queues/default");
  request.set_filter("handler = echo");
  request.set_page_size(10);
  request.set_dry_run(true);
  v1::CancelTasksResponse response;
  ASSERT_TRUE(CancelMany(request, &response).ok());
  EXPECT_EQ(response.cancelled(), 0);
  EXPECT_GT(response.matched(), 0);
  v1::Task task;
  ASSERT_TRUE(Get(response.names(0), &task).ok());
  EXPECT_EQ(task.state(), v1::TASK_STATE_QUEUED) << "a dry run changes nothing";
  request.set_dry_run(false);
  std::set<std::string> cancelled;
  do {
    ASSERT_TRUE(CancelMany(request, &response).ok());
    EXPECT_LE(response.matched(), 10);
    EXPECT_EQ(response.cancelled(), response.matched());
    cancelled.insert(response.names().begin(), response.names().end());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(cancelled, names);
  for (const std::string& name : names) {
    EXPECT_EQ(Wait(name).state(), v1::TASK_STATE_CANCELLED);
  }
  ASSERT_TRUE(Get(other, &task).ok());
  EXPECT_EQ(task.state(), v1::TASK_STATE_QUEUED);
}

TEST_F(ServerBulkTest, RetriesWhatFailedOnceForEachRequestId) {
  Start();
  const std::set<std::string> failed{FailOne("A"), FailOne("B")};
  SubmitOk(MakeTask("echo", "x"));
  v1::RetryTasksRequest request;
  request.set_filter("state = FAILED");
  request.set_request_id("again");
  std::set<std::string> old_names;
  std::set<std::string> new_names;
  v1::RetryTasksResponse response;
  ASSERT_TRUE(RetryMany(request, &response).ok());
  EXPECT_EQ(response.retried(), 2);
  for (const v1::RetriedTask& task : response.tasks()) {
    old_names.insert(task.name());
    new_names.insert(task.retry());
    const v1::Task retry = Wait(task.retry());
    EXPECT_EQ(retry.retry_of(), task.name());
    EXPECT_EQ(retry.state(), v1::TASK_STATE_FAILED) << "as before: the input is the same";
  }
  EXPECT_EQ(old_names, failed);
  // The same call, as after a lost answer: the old ones make no more.
  response.Clear();
  ASSERT_TRUE(RetryMany(request, &response).ok());
  for (const v1::RetriedTask& task : response.tasks()) {
    EXPECT_TRUE(failed.contains(task.name())) << task.name();
    EXPECT_TRUE(new_names.contains(task.retry())) << task.retry();
  }
  // What it made has failed meanwhile, and is no reason to make more.
  EXPECT_EQ(response.failed(), static_cast<int64_t>(new_names.size()));
  for (const v1::TaskFailure& failure : response.failures()) {
    EXPECT_EQ(failure.reason(), "TASK_IS_RETRY") << failure.message();
  }
}

TEST_F(ServerBulkTest, SaysAllThatIsWrongAtOnce) {
  Start();
  v1::CancelTasksRequest cancel;
  cancel.set_filter("state = FAILED");
  cancel.set_page_size(1001);
  v1::CancelTasksResponse cancelled;
  grpc::Status status = CancelMany(cancel, &cancelled);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::BadRequest wrong;
  ASSERT_TRUE(Detail(status, &wrong));
  EXPECT_EQ(wrong.field_violations_size(), 2);
  v1::RetryTasksRequest retry;
  retry.set_filter("state = QUEUED");
  retry.set_request_id(std::string(92, 'x'));
  v1::RetryTasksResponse retried;
  status = RetryMany(retry, &retried);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_TRUE(Detail(status, &wrong));
  EXPECT_EQ(wrong.field_violations_size(), 2);
  retry.Clear();
  EXPECT_EQ(RetryMany(retry, &retried).error_code(), grpc::StatusCode::INVALID_ARGUMENT)
      << "nobody retries everything by a slip";
}

TEST_F(ServerBulkTest, ExplainsWhyATaskWaitsAndWhatHappenedToIt) {
  Start({{"pool.min_threads", "1"}, {"pool.max_threads", "1"}});
  Pause("the mail server is down");
  const std::string first = SubmitOk(MakeTask("echo", "x")).name();
  const std::string second = SubmitOk(MakeTask("echo", "x")).name();
  v1::ExplainTaskResponse explained = Explain(second);
  EXPECT_EQ(explained.task().wait_reason(), v1::WAIT_REASON_PAUSED);
  EXPECT_FALSE(explained.task().has_input());
  EXPECT_EQ(explained.position().ahead_in_queue(), 1);
  EXPECT_EQ(explained.queue_paused_reason(), "the mail server is down");
  EXPECT_NE(explained.explanation().find("paused"), std::string::npos);
  ASSERT_EQ(explained.advice_size(), 1);
  EXPECT_EQ(Explain(first).position().ahead_in_queue(), 0);
  const std::string failed = SubmitOk(MakeTask("fail", R"({"reason":"BROKEN"})")).name();
  grpc::ClientContext context;
  v1::ResumeQueueRequest resume;
  resume.set_name("queues/default");
  v1::Queue queue;
  ASSERT_TRUE(v1::QueueService::NewStub(channel())->ResumeQueue(&context, resume, &queue).ok());
  EXPECT_EQ(Wait(failed).state(), v1::TASK_STATE_FAILED);
  explained = Explain(failed);
  EXPECT_NE(explained.explanation().find("BROKEN"), std::string::npos);
  EXPECT_FALSE(explained.has_position());
  grpc::ClientContext bad_context;
  v1::ExplainTaskRequest bad;
  bad.set_name("queues/a/b");
  EXPECT_EQ(tasks().ExplainTask(&bad_context, bad, &explained).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace taskforge

// What the real server accepts, and what it refuses with which words, over the wire.
#include <string>
#include <thread>
#include <vector>

#include "integration/server_fixture.h"

namespace taskforge {
namespace {

class ServerSubmitTest : public ServerFixture {};

TEST_F(ServerSubmitTest, OneRequestIdIsOneTask) {
  Start();
  const v1::Task first = SubmitOk(MakeTask("echo", "x"), "id-1");
  const v1::Task again = SubmitOk(MakeTask("echo", "x"), "id-1");
  EXPECT_EQ(first.name(), again.name());
  v1::Task other;
  const grpc::Status reused = Submit(MakeTask("echo", "y"), &other, "id-1");
  EXPECT_EQ(reused.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(ReasonOf(reused), "REQUEST_ID_REUSED");
}

TEST_F(ServerSubmitTest, ManyThreadsWithOneRequestIdMakeOneTask) {
  Start();
  std::vector<std::string> names(16);
  std::vector<std::thread> threads;
  for (std::string& name : names) {
    threads.emplace_back(
        [this, &name] { name = SubmitOk(MakeTask("echo", "same"), "race").name(); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& name : names) EXPECT_EQ(name, names[0]);
}

TEST_F(ServerSubmitTest, ATaskIdIsTakenOnce) {
  Start();
  v1::Task task;
  ASSERT_TRUE(Submit(MakeTask("echo", "x"), &task, "", "mine").ok());
  EXPECT_EQ(task.name(), "queues/default/tasks/mine");
  const grpc::Status again = Submit(MakeTask("echo", "x"), &task, "", "mine");
  EXPECT_EQ(again.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(ReasonOf(again), "TASK_EXISTS");
}

TEST_F(ServerSubmitTest, TellsEveryViolationAtOnce) {
  Start();
  v1::Task wanted = MakeTask("Not A Handler", "x", static_cast<v1::Priority>(77));
  wanted.mutable_retry_policy()->set_max_attempts(1000);
  v1::Task task;
  const grpc::Status status = Submit(wanted, &task, std::string(300, 'r'));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::BadRequest bad;
  ASSERT_TRUE(Detail(status, &bad));
  EXPECT_GE(bad.field_violations_size(), 3);
}

TEST_F(ServerSubmitTest, AnUnknownHandlerNamesNearOnes) {
  Start();
  v1::Task task;
  const grpc::Status status = Submit(MakeTask("ecoh", "x"), &task);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(status), "HANDLER_UNKNOWN");
  EXPECT_NE(status.error_message().find("echo"), std::string::npos) << status.error_message();
}

TEST_F(ServerSubmitTest, AnotherNamespaceIsNotFound) {
  Start();
  const std::string other = "namespaces/other/";
  grpc::ClientContext submit_context;
  v1::SubmitTaskRequest submit;
  submit.set_parent(other + "queues/default");
  *submit.mutable_task() = MakeTask("echo", "x");
  v1::Task task;
  const grpc::Status submitted = tasks_->SubmitTask(&submit_context, submit, &task);
  grpc::ClientContext list_context;
  v1::ListTasksRequest list;
  list.set_parent(other + "queues/default");
  v1::ListTasksResponse page;
  const grpc::Status listed = tasks_->ListTasks(&list_context, list, &page);
  grpc::ClientContext handler_context;
  v1::GetHandlerRequest get_handler;
  get_handler.set_name(other + "handlers/echo");
  v1::Handler handler;
  const grpc::Status handled = handlers_->GetHandler(&handler_context, get_handler, &handler);
  const std::string name = SubmitOk(MakeTask("echo", "x")).name();
  for (const grpc::Status& status : {submitted, listed, handled, Get(other + name, &task)}) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND) << status.error_message();
    EXPECT_EQ(ReasonOf(status), "NAMESPACE_UNKNOWN");
  }
  EXPECT_TRUE(Get("namespaces/default/" + name, &task).ok());
}

TEST_F(ServerSubmitTest, ABetterDurabilityThanOfferedIsRefused) {
  Start();
  v1::Task wanted = MakeTask("echo", "x");
  wanted.set_durability(v1::DURABILITY_DURABLE);
  v1::Task task;
  const grpc::Status status = Submit(wanted, &task);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_NE(status.error_message().find("durability"), std::string::npos);
}

TEST_F(ServerSubmitTest, APayloadOverTheLimitSaysTheLimit) {
  Start();
  v1::Task task;
  const grpc::Status status = Submit(MakeTask("echo", std::string((1 << 20) + 1, 'x')), &task);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(status.error_message().find("1048576"), std::string::npos) << status.error_message();
}

TEST_F(ServerSubmitTest, AFullQueueRefusesWithQuotaRetryInfoAndPushback) {
  Start({{"queues.default.max_tasks", "2"}, {"pool.min_threads", "1"}, {"pool.max_threads", "1"}});
  const std::vector<std::string> accepted = {SubmitOk(MakeTask("sleep", "1m")).name(),
                                             SubmitOk(MakeTask("sleep", "1m")).name()};
  grpc::ClientContext context;
  v1::SubmitTaskRequest request;
  *request.mutable_task() = MakeTask("echo", "x");
  v1::Task out;
  const grpc::Status status = tasks_->SubmitTask(&context, request, &out);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "QUEUE_FULL");
  google::rpc::QuotaFailure quota;
  EXPECT_TRUE(Detail(status, &quota));
  google::rpc::RetryInfo retry;
  EXPECT_TRUE(Detail(status, &retry));
  EXPECT_EQ(context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms"), 1u);
  for (const std::string& name : accepted) EXPECT_TRUE(Cancel(name, &out).ok());
}

}  // namespace
}  // namespace taskforge

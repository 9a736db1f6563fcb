// The life of tasks in the real server, over the wire.
#include <set>

#include "integration/server_fixture.h"

namespace taskforge {
namespace {

class ServerTaskTest : public ServerFixture {
 protected:
  // Keeps the only thread of a pool busy until LetGo; returns the name of the task that does.
  std::string HoldThePool() {
    const std::string name = SubmitOk(MakeTask("spin", "1m")).name();
    EXPECT_EQ(WatchUntil(name, v1::TASK_STATE_RUNNING).state(), v1::TASK_STATE_RUNNING);
    return name;
  }
  void LetGo(const std::string& holder) {
    v1::Task out;
    EXPECT_TRUE(Cancel(holder, &out).ok());
    EXPECT_EQ(Wait(holder).state(), v1::TASK_STATE_CANCELLED);
  }
};

TEST_F(ServerTaskTest, RunsEcho) {
  Start();
  v1::Task task;
  const grpc::Status status = Run(MakeTask("echo", "hello"), &task);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(task.state(), v1::TASK_STATE_SUCCEEDED);
  EXPECT_EQ(task.output().text_data(), "hello");
  ASSERT_EQ(task.attempts_size(), 1);
  EXPECT_EQ(task.attempts(0).executor().rfind("pool/seat-", 0), 0u);
  EXPECT_EQ(task.effective_durability(), v1::DURABILITY_MEMORY);
  EXPECT_FALSE(task.uid().empty());
}

TEST_F(ServerTaskTest, TheSha256OfAbcIsWhatFips180Says) {
  Start();
  v1::Task task;
  ASSERT_TRUE(Run(MakeTask("sha256", "abc"), &task).ok());
  EXPECT_EQ(task.output().text_data(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(ServerTaskTest, AFailureIsDataNotAnRpcError) {
  Start();
  v1::Task task;
  const grpc::Status status =
      Run(MakeTask("fail", R"({"reason":"BROKEN","message":"as asked","retryable":false})"), &task);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(task.state(), v1::TASK_STATE_FAILED);
  EXPECT_EQ(task.error().reason(), "BROKEN");
}

TEST_F(ServerTaskTest, RetriesUntilItSucceedsAndKeepsTheHistory) {
  Start();
  v1::Task wanted = MakeTask("fail", R"({"reason":"FLAKY","retryable":true,"attempts":2})");
  wanted.mutable_retry_policy()->set_max_attempts(5);
  wanted.mutable_retry_policy()->mutable_min_backoff()->set_nanos(1'000'000);
  v1::Task task;
  ASSERT_TRUE(Run(wanted, &task).ok());
  EXPECT_EQ(task.state(), v1::TASK_STATE_SUCCEEDED);
  ASSERT_EQ(task.attempts_size(), 3);
  EXPECT_EQ(task.attempts(0).error().reason(), "FLAKY");
  EXPECT_FALSE(task.attempts(2).has_error());
}

TEST_F(ServerTaskTest, FailsWhenItIsOutOfAttempts) {
  Start();
  v1::Task wanted = MakeTask("fail", R"({"reason":"FLAKY","retryable":true})");
  wanted.mutable_retry_policy()->set_max_attempts(2);
  wanted.mutable_retry_policy()->mutable_min_backoff()->set_nanos(1'000'000);
  v1::Task task;
  ASSERT_TRUE(Run(wanted, &task).ok());
  EXPECT_EQ(task.state(), v1::TASK_STATE_FAILED);
  EXPECT_EQ(task.attempts_size(), 2);
}

TEST_F(ServerTaskTest, ACancelledWaitingTaskNeverStarts) {
  Start({{"pool.min_threads", "1"}, {"pool.max_threads", "1"}});
  const std::string holder = HoldThePool();
  const v1::Task waiting = SubmitOk(MakeTask("echo", "x"));
  v1::Task cancelled;
  ASSERT_TRUE(Cancel(waiting.name(), &cancelled).ok());
  EXPECT_EQ(cancelled.state(), v1::TASK_STATE_CANCELLED);
  LetGo(holder);
  // What was submitted after it has its turn after it.
  v1::Task later;
  ASSERT_TRUE(Run(MakeTask("echo", "y"), &later).ok());
  ASSERT_TRUE(Get(waiting.name(), &later).ok());
  EXPECT_EQ(later.attempts_size(), 0);
}

TEST_F(ServerTaskTest, SaysWhyATaskWaits) {
  Start({{"pool.min_threads", "1"}, {"pool.max_threads", "1"}});
  const v1::Task holder = SubmitOk(MakeTask("spin", "60s"));
  WatchUntil(holder.name(), v1::TASK_STATE_RUNNING);
  const v1::Task low = SubmitOk(MakeTask("echo", "x", v1::PRIORITY_LOW));
  const v1::Task high = SubmitOk(MakeTask("echo", "x", v1::PRIORITY_HIGH));
  const auto reason = [this](const std::string& name) {
    v1::Task out;
    EXPECT_TRUE(Get(name, &out).ok());
    return out.wait_reason();
  };
  EXPECT_EQ(reason(low.name()), v1::WAIT_REASON_PRIORITY);
  EXPECT_EQ(reason(high.name()), v1::WAIT_REASON_QUEUE);
  v1::Task cancelled;
  EXPECT_TRUE(Cancel(holder.name(), &cancelled).ok());
  EXPECT_EQ(Wait(low.name()).wait_reason(), v1::WAIT_REASON_UNSPECIFIED);
}

TEST_F(ServerTaskTest, ARunningTaskStopsWhenItIsCancelled) {
  Start();
  const v1::Task task = SubmitOk(MakeTask("sleep", "60s"));
  WatchUntil(task.name(), v1::TASK_STATE_RUNNING);
  v1::Task out;
  ASSERT_TRUE(Cancel(task.name(), &out).ok());
  EXPECT_EQ(Wait(task.name()).state(), v1::TASK_STATE_CANCELLED);
}

TEST_F(ServerTaskTest, WhatHasEndedCannotBeCancelled) {
  Start();
  const std::string name = SubmitOk(MakeTask("echo", "x")).name();
  Wait(name);
  v1::Task out;
  const grpc::Status status = Cancel(name, &out);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(status), "TASK_ENDED");
}

TEST_F(ServerTaskTest, ATimedOutAttemptFailsAsTimeout) {
  Start();
  v1::Task wanted = MakeTask("sleep", "60s");
  wanted.mutable_run_timeout()->set_nanos(50'000'000);
  v1::Task task;
  ASSERT_TRUE(Run(wanted, &task).ok());
  EXPECT_EQ(task.state(), v1::TASK_STATE_FAILED);
  EXPECT_EQ(task.error().reason(), "TIMEOUT");
}

TEST_F(ServerTaskTest, WhatWaitsTooLongExpiresAndNeverRuns) {
  Start({{"pool.min_threads", "1"}, {"pool.max_threads", "1"}});
  const std::string holder = HoldThePool();
  v1::Task wanted = MakeTask("echo", "x");
  wanted.mutable_queue_timeout()->set_nanos(50'000'000);
  v1::Task task;
  ASSERT_TRUE(Run(wanted, &task).ok());
  EXPECT_EQ(task.state(), v1::TASK_STATE_EXPIRED);
  EXPECT_EQ(task.attempts_size(), 0);
  LetGo(holder);
}

TEST_F(ServerTaskTest, AScheduledTaskDoesNotStartBefore) {
  Start();
  GetPool();  // Connects, which takes its time.
  v1::Task wanted = MakeTask("echo", "x");
  const absl::Time when = absl::Now() + absl::Seconds(3);
  wanted.mutable_schedule_time()->set_seconds(absl::ToUnixSeconds(when));
  wanted.mutable_schedule_time()->set_nanos(
      static_cast<int32_t>(absl::ToUnixNanos(when) % 1'000'000'000));
  const v1::Task submitted = SubmitOk(wanted);
  EXPECT_EQ(submitted.state(), v1::TASK_STATE_SCHEDULED);
  EXPECT_EQ(submitted.wait_reason(), v1::WAIT_REASON_SCHEDULE);
  const v1::Task task = Wait(submitted.name());
  EXPECT_EQ(task.state(), v1::TASK_STATE_SUCCEEDED);
  EXPECT_GE(absl::Now(), when);
}

TEST_F(ServerTaskTest, RetryTaskSubmitsANewOneLikeIt) {
  Start();
  v1::Task failed;
  ASSERT_TRUE(Run(MakeTask("fail", R"({"reason":"X","retryable":false})"), &failed).ok());
  grpc::ClientContext context;
  v1::RetryTaskRequest request;
  request.set_name(failed.name());
  v1::Task retry;
  const grpc::Status status = tasks_->RetryTask(&context, request, &retry);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_NE(retry.name(), failed.name());
  EXPECT_EQ(retry.retry_of(), failed.name());
  EXPECT_EQ(Wait(retry.name()).state(), v1::TASK_STATE_FAILED);
}

TEST_F(ServerTaskTest, ADeletedTaskIsGone) {
  Start();
  const std::string name = SubmitOk(MakeTask("echo", "x")).name();
  Wait(name);
  grpc::ClientContext context;
  v1::DeleteTaskRequest request;
  request.set_name(name);
  google::protobuf::Empty empty;
  ASSERT_TRUE(tasks_->DeleteTask(&context, request, &empty).ok());
  v1::Task out;
  EXPECT_EQ(Get(name, &out).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ServerTaskTest, AFinishedTaskGoesWhenItsTimeIsOver) {
  Start();
  v1::Task wanted = MakeTask("echo", "x");
  wanted.mutable_result_ttl()->set_nanos(100'000'000);
  v1::Task task;
  ASSERT_TRUE(Run(wanted, &task).ok());
  v1::Task out;
  const absl::Time give_up = absl::Now() + absl::Seconds(20);
  while (Get(task.name(), &out).ok() && absl::Now() < give_up) std::this_thread::yield();
  EXPECT_EQ(Get(task.name(), &out).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ServerTaskTest, ListsPagesNewestFirstWithoutPayloads) {
  Start();
  for (int i = 0; i < 25; ++i) Wait(SubmitOk(MakeTask("echo", std::to_string(i))).name());
  std::set<std::string> names;
  int64_t last_created = INT64_MAX;
  v1::ListTasksRequest request;
  request.set_page_size(10);
  request.set_filter("state = SUCCEEDED AND handler = \"echo\"");
  do {
    grpc::ClientContext context;
    v1::ListTasksResponse page;
    const grpc::Status status = tasks_->ListTasks(&context, request, &page);
    ASSERT_TRUE(status.ok()) << status.error_message();
    for (const v1::Task& task : page.tasks()) {
      names.insert(task.name());
      // Newest first; uids of one millisecond have no order.
      const int64_t created =
          task.create_time().seconds() * 1'000'000'000 + task.create_time().nanos();
      EXPECT_LE(created, last_created);
      last_created = created;
      EXPECT_FALSE(task.has_output());
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(names.size(), 25u);
}

TEST_F(ServerTaskTest, CancelsOnDisconnectIfAsked) {
  Start();
  v1::RunTaskRequest request;
  *request.mutable_task() = MakeTask("sleep", "60s");
  request.mutable_task()->set_cancel_on_disconnect(true);
  request.set_task_id("goes-with-me");
  grpc::ClientContext context;
  std::thread caller([&] {
    v1::Task out;
    EXPECT_FALSE(tasks_->RunTask(&context, request, &out).ok());
  });
  v1::Task out;
  while (!Get("goes-with-me", &out).ok() || out.state() != v1::TASK_STATE_RUNNING) {
    std::this_thread::yield();
  }
  context.TryCancel();
  caller.join();
  EXPECT_EQ(Wait("goes-with-me").state(), v1::TASK_STATE_CANCELLED);
}

// What waits is not started any more, and what runs is asked to stop.
TEST_F(ServerTaskTest, ADrainThatRunsOutOfTimeStopsWhatRuns) {
  Start({{"shutdown.timeout", "0"}, {"pool.min_threads", "1"}, {"pool.max_threads", "1"}});
  const v1::Task running = SubmitOk(MakeTask("sleep", R"({"duration":"1h","blocking":true})"));
  WatchUntil(running.name(), v1::TASK_STATE_RUNNING);
  SubmitOk(MakeTask("sleep", R"({"duration":"1h","blocking":true})"));
  SubmitOk(MakeTask("echo", "x"));
  const ShutdownReport report = server_->Shutdown();
  EXPECT_EQ(report.running, 0u);
  EXPECT_EQ(report.waiting, 2u);
  server_.reset();
}

TEST_F(ServerTaskTest, ADrainFinishesWhatWasAcceptedAndRefusesTheRest) {
  Start();
  const v1::Task running = SubmitOk(MakeTask("sleep", "300ms"));
  WatchUntil(running.name(), v1::TASK_STATE_RUNNING);
  std::thread stopper([this] {
    const ShutdownReport report = server_->Shutdown();
    EXPECT_EQ(report.running, 0u);
    EXPECT_EQ(report.waiting, 0u);
  });
  v1::Task out;
  grpc::Status status;
  do {
    status = Submit(MakeTask("echo", "x"), &out);
  } while (status.ok());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  stopper.join();
  server_.reset();
}

}  // namespace
}  // namespace taskforge

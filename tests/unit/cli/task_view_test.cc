#include "cli/task_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/json_output.h"

namespace taskforge::cli {
namespace {

using ::testing::HasSubstr;

TEST(ShortName, DropsTheDefaultQueueOnly) {
  EXPECT_EQ(ShortName("queues/default/tasks/a1"), "a1");
  EXPECT_EQ(ShortName("queues/mail/tasks/a1"), "queues/mail/tasks/a1");
}

TEST(DescribeTimes, SaysHowLongItWaitedAndRan) {
  v1::Task task;
  task.mutable_queue_duration()->set_nanos(80000);
  task.mutable_run_duration()->set_nanos(40000);
  EXPECT_EQ(DescribeTimes(task), "queued 80 µs, ran 40 µs");
  task.add_attempts();
  task.add_attempts();
  EXPECT_EQ(DescribeTimes(task), "queued 80 µs, ran 40 µs (attempt 2)");
}

TEST(DescribeState, SaysWhyItWaitsAndHowFarItIs) {
  v1::Task task;
  task.set_state(v1::TASK_STATE_QUEUED);
  task.set_wait_reason(v1::WAIT_REASON_NO_WORKER);
  EXPECT_EQ(DescribeState(task), "queued (no_worker)");
  task.Clear();
  task.set_state(v1::TASK_STATE_RUNNING);
  task.mutable_progress()->set_fraction(0.5);
  task.mutable_progress()->set_message("half");
  EXPECT_EQ(DescribeState(task), "running 50 % half");
}

TEST(DescribeTask, EscapesWhatOthersWrote) {
  v1::Task task;
  task.set_state(v1::TASK_STATE_FAILED);
  task.mutable_error()->set_reason("EXCEPTION");
  task.mutable_error()->set_message("\x1b[2J");
  const std::string text = DescribeTask(task);
  EXPECT_THAT(text, HasSubstr("EXCEPTION: "));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(ToJson, WritesOneLineOrADocument) {
  v1::Task task;
  task.set_handler("echo");
  task.mutable_queue_duration()->set_nanos(80000);
  EXPECT_EQ(ToJson(task, OutputFormat::kJsonLines),
            "{\"handler\":\"echo\",\"queue_duration\":\"0.000080s\"}\n");
  EXPECT_THAT(ToJson(task, OutputFormat::kJson), HasSubstr("\n \"handler\": \"echo\",\n"));
}

TEST(FromJson, SaysWhatIsWrong) {
  v1::Task task;
  EXPECT_TRUE(FromJson(R"({"resultTopic":"a.b"})", task).ok());
  EXPECT_EQ(task.result_topic(), "a.b");
  EXPECT_THAT(std::string(FromJson(R"({"nope":1})", task).message()), HasSubstr("nope"));
}

}  // namespace
}  // namespace taskforge::cli

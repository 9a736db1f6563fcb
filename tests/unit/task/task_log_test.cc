#include "task/task_log.h"

#include <gtest/gtest.h>

#include <memory>

#include "support/capturing_log.h"

namespace taskforge {
namespace {

TaskRecord RecordOf(TaskSpec spec) {
  TaskRecord record;
  spec.origin.Edit().task_id = "t";
  record.spec = MakeRef<TaskSpec>(std::move(spec));
  return record;
}

TEST(LogTask, NamesTheTaskAndWhatTiesItToItsCall) {
  CapturingLog log;
  TaskSpec spec;
  spec.origin.Edit().request_id = "submission-1";
  spec.origin.Edit().x_request_id = "r-17";
  spec.origin.Edit().traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  LogTask(log, LogLevel::kWarning, "it happened", RecordOf(spec), {{"attempt", 2}});
  ASSERT_EQ(log.lines().size(), 1u);
  EXPECT_EQ(log.lines()[0].level, LogLevel::kWarning);
  EXPECT_EQ(log.lines()[0].text,
            "it happened task=queues/default/tasks/t request_id=r-17 "
            "trace_id=0af7651916cd43dd8448eb211c80319c attempt=2");
}

TEST(LogTask, LeavesOutWhatThereIsNot) {
  CapturingLog log;
  TaskSpec spec;
  LogTask(log, LogLevel::kInfo, "m", RecordOf(spec));
  spec.origin.Edit().request_id = "submission-1";
  LogTask(log, LogLevel::kInfo, "m", RecordOf(spec));
  EXPECT_EQ(log.lines()[0].text, "m task=queues/default/tasks/t");
  EXPECT_EQ(log.lines()[1].text, "m task=queues/default/tasks/t request_id=submission-1");
}

}  // namespace
}  // namespace taskforge

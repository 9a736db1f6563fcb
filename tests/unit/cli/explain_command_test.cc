#include "cli/explain_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskforge::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(DescribeExplanation, ShowsWhyBehindWhatAndWhatMayHelp) {
  v1::ExplainTaskResponse response;
  response.mutable_task()->set_name("queues/default/tasks/a");
  response.mutable_task()->set_state(v1::TASK_STATE_QUEUED);
  response.set_explanation("It waits for its turn.\x1b[2J");
  response.add_advice("Do this.");
  response.add_advice("Or that.");
  response.mutable_position()->set_ahead(1234);
  std::string text = DescribeExplanation(response);
  EXPECT_THAT(text, HasSubstr("why               It waits for its turn."));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("position          at most 1,234 before it\n"));
  EXPECT_THAT(text, HasSubstr("try               Do this.\ntry               Or that.\n"));
  EXPECT_THAT(text, Not(HasSubstr("expected start")));
  response.mutable_position()->set_exact(true);
  response.mutable_expected_start_time()->set_seconds(1);
  text = DescribeExplanation(response);
  EXPECT_THAT(text, HasSubstr("position          1,234 before it\n"));
  EXPECT_THAT(text, HasSubstr("expected start"));
}

}  // namespace
}  // namespace taskforge::cli

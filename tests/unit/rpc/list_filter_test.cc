#include "rpc/list_filter.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

TaskFilter Parse(absl::string_view text, Violations& violations) {
  TaskFilter filter;
  ParseTaskFilter(text, "filter", filter, violations);
  return filter;
}

TEST(ParseTaskFilter, TakesExactMatchesJoinedByAnd) {
  Violations violations;
  const TaskFilter filter =
      Parse("state = FAILED AND handler = \"my.echo\" and queue=default", violations);
  EXPECT_TRUE(violations.empty()) << violations.TakeStatus();
  EXPECT_EQ(filter.state, TaskState::kFailed);
  EXPECT_EQ(filter.handler, "my.echo");
  EXPECT_EQ(filter.queue, "default");
}

TEST(ParseTaskFilter, EmptyMatchesAll) {
  Violations violations;
  const TaskFilter filter = Parse("  ", violations);
  EXPECT_TRUE(violations.empty());
  EXPECT_FALSE(filter.state || filter.handler || filter.queue);
}

TEST(ParseTaskFilter, TakesStatesInEverySpelling) {
  for (const char* text :
       {"state=RUNNING", "state=running", "state = TASK_STATE_RUNNING", "state=\"RUNNING\""}) {
    Violations violations;
    EXPECT_EQ(Parse(text, violations).state, TaskState::kRunning) << text;
    EXPECT_TRUE(violations.empty()) << text;
  }
}

TEST(ParseTaskFilter, SaysWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"state = BROKEN", "unknown state"},
      {"colour = red", "unknown key"},
      {"state", "KEY = VALUE"},
      {"state =", "KEY = VALUE"},
      {"state != FAILED", "KEY = VALUE"},
      {"= FAILED", "KEY = VALUE"},
      {"state = FAILED OR state = RUNNING", "OR"},
      {"state = FAILED AND", "one more"},
      {"state = FAILED handler = echo", "want AND"},
      {"handler = \"echo", "quote"},
      {"state = FAILED AND state = RUNNING", "two values"},
      {"queue = Default", "not a queue's name"},
      {"(state = FAILED)", "KEY = VALUE"},
      {std::string(513, 'a'), "longer"},
  };
  for (const auto& [text, expected] : cases) {
    Violations violations;
    Parse(text, violations);
    EXPECT_THAT(violations.TakeStatus().ToString(), testing::HasSubstr(expected)) << text;
  }
}

TEST(ParseTaskSelection, TakesTheQueueOfTheParent) {
  for (const char* parent : {"", "queues/-"}) {
    Violations violations;
    TaskFilter filter;
    EXPECT_TRUE(ParseTaskSelection(parent, "state = FAILED", filter, violations).ok());
    EXPECT_TRUE(violations.empty());
    EXPECT_EQ(filter.queue, std::nullopt);
    EXPECT_EQ(filter.state, TaskState::kFailed);
  }
  for (const char* text : {"", "queue = mail"}) {
    Violations violations;
    TaskFilter filter;
    EXPECT_TRUE(ParseTaskSelection("queues/mail", text, filter, violations).ok());
    EXPECT_TRUE(violations.empty());
    EXPECT_EQ(filter.queue, "mail");
  }
}

TEST(ParseTaskSelection, RefusesWhatCanMatchNothing) {
  TaskFilter filter;
  Violations violations;
  EXPECT_TRUE(ParseTaskSelection("queues/mail", "queue = web", filter, violations).ok());
  EXPECT_EQ(violations.Take().at(0).field, "filter");
  filter = {};
  EXPECT_TRUE(ParseTaskSelection("mail", "", filter, violations).ok());
  EXPECT_EQ(violations.Take().at(0).field, "parent");
  EXPECT_EQ(ParseTaskSelection("namespaces/other/queues/mail", "", filter, violations).code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace taskforge

#include "task/task_state.h"

#include <set>
#include <utility>

#include "gtest/gtest.h"

namespace taskforge {
namespace {

TaskState StateOf(int i) { return static_cast<TaskState>(i); }

TEST(TaskStateTest, NothingFollowsAnEnd) {
  for (int from = 0; from < kTaskStateCount; ++from) {
    if (!IsTerminal(StateOf(from))) continue;
    for (int to = 0; to < kTaskStateCount; ++to) {
      EXPECT_FALSE(MayFollow(StateOf(from), StateOf(to)));
    }
  }
}

TEST(TaskStateTest, NothingSucceedsOrFailsWithoutRunning) {
  for (TaskState from : {TaskState::kScheduled, TaskState::kQueued}) {
    EXPECT_FALSE(MayFollow(from, TaskState::kSucceeded));
    EXPECT_FALSE(MayFollow(from, TaskState::kFailed));
    EXPECT_TRUE(MayFollow(from, TaskState::kCancelled));
    EXPECT_TRUE(MayFollow(from, TaskState::kExpired));
  }
  EXPECT_FALSE(MayFollow(TaskState::kRunning, TaskState::kExpired));
}

TEST(TaskStateTest, ARetryAndALossGoBack) {
  EXPECT_TRUE(MayFollow(TaskState::kRunning, TaskState::kScheduled));
  EXPECT_TRUE(MayFollow(TaskState::kRunning, TaskState::kQueued));
}

TEST(TaskStateTest, NamesAreOneToOne) {
  std::set<std::string> names;
  for (int i = 0; i < kTaskStateCount; ++i) {
    names.insert(std::string(Name(StateOf(i))));
    EXPECT_EQ(ParseTaskState(Name(StateOf(i))), StateOf(i));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(kTaskStateCount));
  EXPECT_EQ(ParseTaskState("QUEUED"), std::nullopt);
}

}  // namespace
}  // namespace taskforge

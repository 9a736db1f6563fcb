// Between a restart and the next, what has ended stays as it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "crash/verdict.h"

namespace taskforge::crash {
namespace {

MATCHER_P2(Tells, wrong, number, "") {
  *result_listener << Name(arg.invariant) << " " << Name(arg.wrong) << " of " << arg.number;
  return arg.invariant == Invariant::kI8 && arg.wrong == wrong && arg.number == number;
}

// Two tasks that have ended.
std::vector<Found> Ended() {
  std::vector<Found> found(2);
  for (Found& task : found) {
    task.number = &task - found.data() + 1;
    task.name = NameOf(task.number);
    task.state = State::kSucceeded;
    task.output = "text";
  }
  return found;
}

TEST(CompareTest, WhatStaysAsItIsIsRight) {
  EXPECT_THAT(Compare(Ended(), Ended()), testing::IsEmpty());
}

TEST(CompareTest, WhatIsGoneIsLost) {
  std::vector<Found> after = Ended();
  after.pop_back();
  EXPECT_THAT(Compare(Ended(), after), testing::ElementsAre(Tells(Wrong::kLost, 2)));
}

TEST(CompareTest, WhatWasNotThereIsUnexpected) {
  std::vector<Found> before = Ended();
  before.pop_back();
  EXPECT_THAT(Compare(before, Ended()), testing::ElementsAre(Tells(Wrong::kUnexpected, 2)));
}

TEST(CompareTest, WhatHasChangedIsUnexpected) {
  std::vector<Found> after = Ended();
  after[0].ended_us += 1;
  EXPECT_THAT(Compare(Ended(), after), testing::ElementsAre(Tells(Wrong::kUnexpected, 1)));
}

TEST(CompareTest, OutputsAreComparedWhereBothAreKnown) {
  std::vector<Found> after = Ended();
  after[1].output = "texT";
  EXPECT_THAT(Compare(Ended(), after), testing::ElementsAre(Tells(Wrong::kUnexpected, 2)));
  after[1].is_whole = false;
  EXPECT_THAT(Compare(Ended(), after), testing::IsEmpty());
  after[1].state = State::kFailed;
  EXPECT_THAT(Compare(Ended(), after), testing::ElementsAre(Tells(Wrong::kUnexpected, 2)));
}

}  // namespace
}  // namespace taskforge::crash

#include "pool/wake_list.h"

#include <gtest/gtest.h>

#include <memory>

namespace taskforge {
namespace {

using Outcome = WakeList::Outcome;

class WakeListTest : public testing::Test {
 protected:
  WakeListTest() {
    for (uint32_t seat = 0; seat < 4; ++seat) wakes_->Occupy(seat);
  }
  std::unique_ptr<WakeList> wakes_ = std::make_unique<WakeList>();
};

TEST_F(WakeListTest, WakesNobodyWhenNobodyIsParked) {
  EXPECT_EQ(wakes_->Notify(), Outcome::kNobody);
  EXPECT_EQ(wakes_->futex_wakes(), 0u);
}

TEST_F(WakeListTest, WakesTheLastParkedFirst) {
  wakes_->Park(0, false);
  wakes_->Park(1, false);
  EXPECT_EQ(wakes_->Notify(), Outcome::kWoke);
  EXPECT_FALSE(wakes_->IsParked(1));
  EXPECT_TRUE(wakes_->IsParked(0));
}

TEST_F(WakeListTest, WakesOneForABurst) {
  wakes_->Park(0, false);
  wakes_->Park(1, false);
  EXPECT_EQ(wakes_->Notify(), Outcome::kWoke);
  EXPECT_EQ(wakes_->Notify(), Outcome::kSearched);
  EXPECT_EQ(wakes_->Notify(), Outcome::kSearched);
  EXPECT_EQ(wakes_->futex_wakes(), 1u);
  // The searcher found something and passes it on.
  wakes_->StopSearching();
  EXPECT_EQ(wakes_->Notify(), Outcome::kWoke);
}

TEST_F(WakeListTest, OneSearchesAtATime) {
  EXPECT_TRUE(wakes_->TrySearch());
  EXPECT_FALSE(wakes_->TrySearch());
  wakes_->Park(0, true);
  EXPECT_TRUE(wakes_->TrySearch());
}

TEST_F(WakeListTest, PopsOnPastASeatThatLeaves) {
  wakes_->Park(0, false);
  wakes_->Park(1, false);
  EXPECT_TRUE(wakes_->Retire(1));
  EXPECT_FALSE(wakes_->Sleep(1)) << "told to leave";
  EXPECT_EQ(wakes_->Notify(), Outcome::kWoke);
  EXPECT_TRUE(wakes_->Sleep(0)) << "woken";
}

TEST_F(WakeListTest, RetiresOnlyWhatIsParked) {
  EXPECT_FALSE(wakes_->Retire(0));
  wakes_->Park(0, false);
  EXPECT_TRUE(wakes_->Retire(0));
  EXPECT_FALSE(wakes_->Retire(0));
}

TEST_F(WakeListTest, LeavingSeatsDoNotHideThatNobodyIsThere) {
  wakes_->Park(0, false);
  EXPECT_TRUE(wakes_->Retire(0));
  EXPECT_EQ(wakes_->Notify(), Outcome::kNobody);
  EXPECT_TRUE(wakes_->TrySearch()) << "nobody searches";
}

TEST_F(WakeListTest, ASeatWithANewThreadIsWokenFromItsOldPlaceInTheStack) {
  wakes_->Park(0, false);
  wakes_->Park(1, false);
  EXPECT_TRUE(wakes_->Retire(0));
  wakes_->Vacate(0);
  wakes_->Occupy(0);  // Still in the stack, below seat 1.
  wakes_->Park(0, false);
  EXPECT_EQ(wakes_->Notify(), Outcome::kWoke);
  wakes_->StopSearching();
  EXPECT_FALSE(wakes_->IsParked(1));
  EXPECT_EQ(wakes_->Notify(), Outcome::kWoke);
  wakes_->StopSearching();
  EXPECT_FALSE(wakes_->IsParked(0));
  EXPECT_EQ(wakes_->Notify(), Outcome::kNobody) << "it was in the stack once";
}

TEST_F(WakeListTest, ARunningSeatThatWasPoppedIsPushedAgain) {
  wakes_->Park(0, false);
  EXPECT_TRUE(wakes_->Retire(0));
  wakes_->Vacate(0);
  wakes_->Occupy(0);
  EXPECT_EQ(wakes_->Notify(), Outcome::kNobody) << "popped while it runs";
  wakes_->Park(0, false);
  EXPECT_EQ(wakes_->Notify(), Outcome::kWoke);
}

}  // namespace
}  // namespace taskforge

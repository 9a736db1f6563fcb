#include "base/wake_batch.h"

#include <gtest/gtest.h>

#include <array>

namespace taskforge {
namespace {

void CountUp(void* target) { ++*static_cast<int*>(target); }

TEST(WakeBatchTest, WakesEachOnceAtItsEnd) {
  int one = 0;
  int other = 0;
  {
    const WakeBatch batch;
    for (size_t i = 1; i < WakeBatch::kAtOnceEvery; ++i) {
      EXPECT_TRUE(WakeBatch::Defer(CountUp, &one));
      EXPECT_TRUE(WakeBatch::Defer(CountUp, &other));
    }
    EXPECT_EQ(one + other, 0);
  }
  EXPECT_EQ(one, 1);
  EXPECT_EQ(other, 1);
}

TEST(WakeBatchTest, ALargeOneWakesNowAndThen) {
  int count = 0;
  int at_once = 0;
  {
    const WakeBatch batch;
    for (size_t i = 0; i < 10 * WakeBatch::kAtOnceEvery; ++i) {
      if (!WakeBatch::Defer(CountUp, &count)) ++at_once;
    }
  }
  EXPECT_EQ(at_once, 10);
  EXPECT_EQ(count, 1);
}

TEST(WakeBatchTest, DefersNothingOutside) {
  int count = 0;
  { const WakeBatch batch; }
  EXPECT_FALSE(WakeBatch::Defer(CountUp, &count));
  EXPECT_EQ(count, 0);
}

TEST(WakeBatchTest, TakesNoMoreThanItHasRoomFor) {
  std::array<int, 5> counts{};
  {
    const WakeBatch batch;
    for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(WakeBatch::Defer(CountUp, &counts[i]));
    EXPECT_FALSE(WakeBatch::Defer(CountUp, &counts[4]));
    EXPECT_TRUE(WakeBatch::Defer(CountUp, counts.data()));
  }
  EXPECT_EQ(counts, (std::array<int, 5>{1, 1, 1, 1, 0}));
}

}  // namespace
}  // namespace taskforge

#include "queues/drain_rate.h"

#include "gtest/gtest.h"

namespace taskforge {
namespace {

MonoTime At(double seconds) { return MonoTime{static_cast<int64_t>(seconds * 1e9)}; }

TEST(DrainRateTest, SaysADefaultUntilItKnows) {
  DrainRate rate;
  EXPECT_EQ(rate.RetryAfter(At(100), 5000, 10), DrainRate::Unknown());
  EXPECT_EQ(rate.RetryAfter(At(100.01), 5001, 10), DrainRate::Unknown());
}

TEST(DrainRateTest, FollowsTheRealRate) {
  DrainRate rate;
  rate.RetryAfter(At(100), 0, 10);
  // 100 in a second: 10 more take 100 ms.
  EXPECT_EQ(rate.RetryAfter(At(101), 100, 10), absl::Milliseconds(100));
  // It has become ten times slower: the answer moves there.
  absl::Duration last = absl::Milliseconds(100);
  for (int second = 2; second < 9; ++second) {
    const absl::Duration now = rate.RetryAfter(At(100 + second), 100 + 10 * (second - 1), 10);
    EXPECT_GT(now, last);
    last = now;
  }
  EXPECT_GT(last, absl::Milliseconds(900));
  EXPECT_LE(last, absl::Seconds(1));
}

TEST(DrainRateTest, StaysWithinItsBounds) {
  DrainRate stuck;
  stuck.RetryAfter(At(100), 7, 10);
  EXPECT_EQ(stuck.RetryAfter(At(101), 7, 10), DrainRate::Greatest());
  DrainRate fast;
  fast.RetryAfter(At(100), 0, 1);
  EXPECT_EQ(fast.RetryAfter(At(101), 1'000'000, 1), DrainRate::Least());
}

TEST(DrainRateTest, ForgetsAfterAPause) {
  DrainRate rate;
  rate.RetryAfter(At(100), 0, 10);
  rate.RetryAfter(At(101), 100, 10);
  EXPECT_EQ(rate.RetryAfter(At(200), 100'000, 10), DrainRate::Unknown());
}

}  // namespace
}  // namespace taskforge

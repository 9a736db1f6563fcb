#include "base/cpu_watch.h"

#include <gtest/gtest.h>

#include "support/fake_clock.h"

namespace taskforge {
namespace {

// What the reader finds, and how often it was asked.
class CpuWatchTest : public testing::Test {
 protected:
  CpuWatchTest() { Set(4, std::nullopt); }
  void Set(int cpus, std::optional<double> quota) {
    budget_.allowed_cpus.assign(static_cast<size_t>(cpus), 0);
    budget_.quota_cores = quota;
  }
  CpuWatch Watch(int configured = 0) {
    return CpuWatch(configured, budget_, clock_, [this] {
      ++readings_;
      return budget_;
    });
  }

  FakeClock clock_;
  CpuBudget budget_;
  int readings_ = 0;
};

TEST_F(CpuWatchTest, FollowsTheQuotaWithinTenSeconds) {
  CpuWatch watch = Watch();
  EXPECT_EQ(watch.Cpus(), 4);
  Set(4, 1.5);
  clock_.Advance(CpuWatch::kMaxAge - absl::Milliseconds(1));
  EXPECT_EQ(watch.Cpus(), 4);
  EXPECT_EQ(readings_, 0) << "what is known is good for so long";
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(watch.Cpus(), 2);
  EXPECT_EQ(watch.LimitCores(), 1.5);
  EXPECT_EQ(readings_, 1);
}

TEST_F(CpuWatchTest, ReadsOnlyWhenAsked) {
  CpuWatch watch = Watch();
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(readings_, 0);
  Set(2, std::nullopt);
  EXPECT_EQ(watch.LimitCores(), 2.0);
  EXPECT_EQ(watch.Cpus(), 2);
  EXPECT_EQ(readings_, 1);
}

TEST_F(CpuWatchTest, AQuotaAboveTheAffinityMaskDoesNotCount) {
  Set(2, 3.5);
  CpuWatch watch = Watch();
  EXPECT_EQ(watch.Cpus(), 2);
  EXPECT_EQ(watch.LimitCores(), 2.0);
}

TEST_F(CpuWatchTest, WhatIsConfiguredStays) {
  CpuWatch watch = Watch(3);
  Set(1, 0.5);
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(watch.Cpus(), 3);
  EXPECT_EQ(watch.LimitCores(), 3.0);
  EXPECT_EQ(readings_, 0);
}

}  // namespace
}  // namespace taskforge

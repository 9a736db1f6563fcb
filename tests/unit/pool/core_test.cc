#include "pool/core.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>

#include "base/wake_batch.h"
#include "unit/pool/pool_fixture.h"

namespace taskforge {
namespace {

const SystemClock kClock;

// A core without threads: seat 0 is parked, and stays where a wake-up puts it.
class PoolCoreTest : public testing::Test {
 protected:
  PoolCoreTest() {
    core_->EnsureSeat(0);
    core_->wakes.Occupy(0);
    core_->wakes.Park(0, false);
  }
  ~PoolCoreTest() override {
    core_->TakeAll([](Work&) {});
  }

  std::unique_ptr<PoolCore> core_ = std::make_unique<PoolCore>(OptionsWith(1, 1), kClock);
  CallWork work_{[](const Dispatch&) {}};
};

TEST_F(PoolCoreTest, WorkWakesWhoIsParkedAtOnce) {
  ASSERT_TRUE(core_->TrySubmit(work_).ok());
  EXPECT_FALSE(core_->wakes.IsParked(0));
}

TEST_F(PoolCoreTest, WorkOfABatchWakesAtItsEnd) {
  {
    const WakeBatch batch;
    ASSERT_TRUE(core_->TrySubmit(work_).ok());
    EXPECT_TRUE(core_->wakes.IsParked(0));
  }
  EXPECT_FALSE(core_->wakes.IsParked(0));
}

// It was taken by a thread that was up: to wake another would cost more than it is worth.
TEST_F(PoolCoreTest, ABatchWhoseWorkIsGoneWakesNobody) {
  {
    const WakeBatch batch;
    ASSERT_TRUE(core_->TrySubmit(work_).ok());
    EXPECT_EQ(core_->TakeAll([](Work&) {}), 1u);
  }
  EXPECT_TRUE(core_->wakes.IsParked(0));
}

// The controller sleeps and nobody is there to wake: more threads may be needed.
TEST_F(PoolCoreTest, ABatchThatFindsNobodyTellsTheController) {
  core_->wakes.Notify();
  core_->wakes.StopSearching();
  core_->controller_asleep.store(1);
  const uint32_t before = core_->kick_sequence.load();
  {
    const WakeBatch batch;
    ASSERT_TRUE(core_->TrySubmit(work_).ok());
    EXPECT_EQ(core_->kick_sequence.load(), before);
  }
  EXPECT_EQ(core_->kick_sequence.load(), before + 1);
}

// Each is taken at the cap and then found to be cancelled; whoever is interrupted as it
// reads must not subtract what came after.
TEST(TakeEndTest, CountsNothingThatWasCancelledWhenItWasRead) {
  TakeEnd end;
  std::atomic<bool> done{false};
  std::thread taker([&] {
    for (int i = 0; i < 200'000; ++i) {
      end.heads[Priority::kHigh].fetch_add(1);
      end.dispatches_at_cap.fetch_add(1);
      end.dispatches_at_cap.fetch_sub(1);
      end.not_dispatched.fetch_add(1);
    }
    done.store(true);
  });
  uint64_t most = 0;
  while (!done.load()) {
    most = std::max({most, end.AllDispatches(), end.DispatchesBelowCap()});
  }
  taker.join();
  EXPECT_LE(most, 1u) << "one at a time";
  EXPECT_EQ(end.AllDispatches(), 0u);
}

// The same for what is dispatched at the cap.
TEST(TakeEndTest, CountsNothingBelowTheCapThatWasAtIt) {
  TakeEnd end;
  std::atomic<bool> done{false};
  std::thread taker([&] {
    for (int i = 0; i < 200'000; ++i) {
      end.heads[Priority::kHigh].fetch_add(1);
      end.dispatches_at_cap.fetch_add(1);
    }
    done.store(true);
  });
  uint64_t most = 0;
  while (!done.load()) most = std::max(most, end.DispatchesBelowCap());
  taker.join();
  EXPECT_LE(most, 1u) << "one at a time";
  EXPECT_EQ(end.AllDispatches(), 200'000u);
}

}  // namespace
}  // namespace taskforge

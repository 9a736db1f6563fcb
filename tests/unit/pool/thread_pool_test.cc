#include "pool/thread_pool.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "base/scoped_blocking.h"
#include "unit/pool/pool_fixture.h"

namespace taskforge {
namespace {

const SystemClock kClock;

class ThreadPoolAtTest : public testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolAtTest, testing::Values(1, 2, 8));

TEST_P(ThreadPoolAtTest, RunsEverythingThatWasSubmitted) {
  ThreadPool pool(OptionsWith(GetParam(), GetParam()), kClock);
  ASSERT_TRUE(pool.Start().ok());
  Countdown done(1000);
  std::deque<CallWork> works;
  for (int i = 0; i < 1000; ++i) {
    works.emplace_back([&](const Dispatch&) { done.Done(); }, kPriorities[i % 4]);
    ASSERT_TRUE(pool.TrySubmit(works.back()).ok());
  }
  EXPECT_TRUE(done.WaitFor(kPatience)) << done.left() << " did not run";
}

// Each task submits the next: any lost wake-up stops the chain.
TEST_P(ThreadPoolAtTest, LosesNoWakeUp) {
  PoolOptions options = OptionsWith(GetParam(), GetParam());
  ThreadPool pool(options, kClock);
  ASSERT_TRUE(pool.Start().ok());
  std::atomic<uint32_t> ran{0};
  CallWork work([&](const Dispatch&) {
    ran.fetch_add(1);
    FutexWake(ran, 1);
  });
  for (uint32_t i = 0; i < 20'000; ++i) {
    work.priority = kPriorities[i % 4];
    ASSERT_TRUE(pool.TrySubmit(work).ok());
    const MonoTime deadline = kClock.Monotonic() + kPatience;
    while (ran.load() == i) ASSERT_TRUE(FutexWait(ran, i, deadline)) << "lost after " << i;
    // The node is used again: its run must have returned.
    ASSERT_EQ(ran.load(), i + 1);
  }
}

}  // namespace
}  // namespace taskforge

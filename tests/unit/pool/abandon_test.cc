// Threads that are held by work that nobody waits for any more.
#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "base/scoped_blocking.h"
#include "pool/thread_pool.h"
#include "unit/pool/pool_fixture.h"

namespace taskforge {
namespace {

const SystemClock kClock;

// Works that hold their threads until they are let go.
class Stuck {
 public:
  Stuck(ThreadPool& pool, int count, Priority priority) : pool_(pool), begun_(count) {
    dispatches_.resize(static_cast<size_t>(count));
    for (size_t i = 0; i < dispatches_.size(); ++i) {
      works_.emplace_back(
          [this, i](const Dispatch& dispatch) {
            std::optional<ScopedBlocking> blocking;
            if (i % 2 == 1) blocking.emplace();
            dispatches_[i] = dispatch;
            begun_.Done();
            let_go_.Wait();
          },
          priority);
      EXPECT_TRUE(pool_.TrySubmit(works_.back()).ok());
    }
  }
  bool AllBegun() { return begun_.WaitFor(kPatience); }
  uint32_t not_begun() const { return begun_.left(); }
  void LetGo() { let_go_.Notify(); }
  // How many threads were lost. REQUIRES: all have begun.
  int AbandonAll() {
    int lost = 0;
    for (const Dispatch& dispatch : dispatches_) {
      lost += pool_.Abandon(dispatch.seat, dispatch.ticket) ? 1 : 0;
    }
    return lost;
  }

 private:
  ThreadPool& pool_;
  Countdown begun_;
  Notification let_go_;
  std::vector<Dispatch> dispatches_;
  std::deque<CallWork> works_;
};

class AbandonTest : public testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Threads, AbandonTest, testing::Values(1, 2, 8));

class AbandonCapTest : public AbandonTest {};

INSTANTIATE_TEST_SUITE_P(Threads, AbandonCapTest, testing::Values(2, 8));

TEST_P(AbandonTest, OthersTakeThePlaceOfLostThreads) {
  const int threads = GetParam();
  ThreadPool pool(OptionsWith(threads, threads), kClock);
  ASSERT_TRUE(pool.Start().ok());
  Stuck lost(pool, threads, Priority::kCritical);
  ASSERT_TRUE(lost.AllBegun());
  Stuck waiting(pool, threads, Priority::kCritical);
  EXPECT_EQ(lost.AbandonAll(), threads);
  EXPECT_EQ(lost.AbandonAll(), 0) << "once is enough";
  ASSERT_TRUE(waiting.AllBegun()) << "nobody took the places";

  // A thread may work before the controller has noted down that it started it.
  EXPECT_TRUE(Eventually([&] { return pool.Resizes(1)[0].to == threads; }));
  PoolStats stats = pool.GetStats();
  EXPECT_EQ(stats.threads, threads);
  EXPECT_EQ(stats.abandoned, threads);
  EXPECT_EQ(stats.busy, threads);
  EXPECT_EQ(stats.running, static_cast<uint64_t>(2 * threads)) << "they do run";
  EXPECT_EQ(stats.thread_list.size(), static_cast<size_t>(2 * threads));
  const auto& shrinks = stats.resizes.by_reason[static_cast<size_t>(ResizeDirection::kShrink)];
  EXPECT_GE(shrinks[static_cast<size_t>(ScalingReason::kAbandoned)], 1u);
  EXPECT_EQ(pool.Resizes(1)[0].reason, ScalingReason::kAbandoned);
  EXPECT_EQ(stats.resizes.flips, 0u);

  lost.LetGo();
  EXPECT_TRUE(Eventually([&] { return pool.GetStats().abandoned == 0; })) << "it must leave";
  stats = pool.GetStats();
  EXPECT_EQ(stats.threads, threads);
  EXPECT_EQ(stats.completed, static_cast<uint64_t>(threads));
  waiting.LetGo();
  EXPECT_TRUE(pool.Drain(kClock.Monotonic() + kPatience, {}).complete);
}

// Normal work may use all threads but one. The lost ones count on neither side of that.
TEST_P(AbandonCapTest, IsThatOfTheThreadsThatAreLeft) {
  const int threads = GetParam();
  ThreadPool pool(OptionsWith(threads, threads), kClock);
  ASSERT_TRUE(pool.Start().ok());
  Stuck lost(pool, threads - 1, Priority::kNormal);
  ASSERT_TRUE(lost.AllBegun());
  EXPECT_EQ(lost.AbandonAll(), threads - 1);
  Stuck normal(pool, threads - 1, Priority::kNormal);
  ASSERT_TRUE(normal.AllBegun()) << "places under the cap were not given back";

  Stuck one_more(pool, 1, Priority::kNormal);
  Countdown answered(10);
  std::deque<CallWork> urgent;
  for (int i = 0; i < 10; ++i) {
    urgent.emplace_back([&](const Dispatch&) { answered.Done(); }, Priority::kHigh);
    ASSERT_TRUE(pool.TrySubmit(urgent.back()).ok());
  }
  EXPECT_TRUE(answered.WaitFor(kPatience));
  EXPECT_EQ(one_more.not_begun(), 1u) << "the last thread is for urgent work";
  lost.LetGo();
  EXPECT_TRUE(Eventually([&] { return pool.GetStats().abandoned == 0; }));
  EXPECT_EQ(one_more.not_begun(), 1u) << "a place was given back twice";
  normal.LetGo();
  EXPECT_TRUE(one_more.AllBegun());
  one_more.LetGo();
  EXPECT_TRUE(pool.Drain(kClock.Monotonic() + kPatience, {}).complete);
}

TEST_P(AbandonTest, WorkThatHasReturnedHoldsNoThread) {
  ThreadPool pool(OptionsWith(GetParam(), GetParam()), kClock);
  ASSERT_TRUE(pool.Start().ok());
  Dispatch first;
  {
    Countdown done(1);
    CallWork work([&](const Dispatch& dispatch) {
      first = dispatch;
      done.Done();
    });
    ASSERT_TRUE(pool.TrySubmit(work).ok());
    ASSERT_TRUE(done.WaitFor(kPatience));
    ASSERT_TRUE(Eventually([&] { return pool.GetStats().completed == 1; }));
  }
  Stuck others(pool, GetParam(), Priority::kCritical);  // One of them on the same seat.
  ASSERT_TRUE(others.AllBegun());
  EXPECT_FALSE(pool.Abandon(first.seat, first.ticket));
  EXPECT_FALSE(pool.Abandon(1023, 1)) << "nobody ever sat there";
  EXPECT_FALSE(pool.Abandon(-1, 1));
  EXPECT_EQ(pool.GetStats().abandoned, 0);
  others.LetGo();
  EXPECT_TRUE(pool.Drain(kClock.Monotonic() + kPatience, {}).complete);
}

}  // namespace
}  // namespace taskforge

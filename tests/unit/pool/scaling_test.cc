// The whole pool as it grows and shrinks: real threads, real time.
#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "base/mutex.h"
#include "base/scoped_blocking.h"
#include "pool/thread_pool.h"
#include "unit/pool/pool_fixture.h"

namespace taskforge {
namespace {

const SystemClock kClock;

TEST(PoolScalingTest, BlockedWorkGetsThreadsAtOnceAndTheyGoAgain) {
  PoolOptions options = OptionsWith(2, 64);
  options.idle_timeout = absl::Milliseconds(300);
  options.scaling.flip_hold = absl::Milliseconds(200);
  ThreadPool pool(options, kClock);
  ASSERT_TRUE(pool.Start().ok());
  // None ends before 48 have begun: fewer threads would never finish.
  std::atomic<int> begun{0};
  Notification enough;
  Countdown done(64);
  std::deque<CallWork> works;
  for (int i = 0; i < 64; ++i) {
    works.emplace_back([&](const Dispatch&) {
      {
        ScopedBlocking blocking;
        if (begun.fetch_add(1) + 1 == 48) enough.Notify();
        enough.WaitFor(kPatience);
      }
      done.Done();
    });
    ASSERT_TRUE(pool.TrySubmit(works.back()).ok());
  }
  ASSERT_TRUE(done.WaitFor(2 * kPatience));
  EXPECT_GE(pool.GetStats().peak, 48);
  // A thread is gone before its resize is in the log.
  EXPECT_TRUE(Eventually([&] {
    const ResizeEvent last = pool.Resizes(1).at(0);
    return last.to == 2 && last.reason == ScalingReason::kIdle;
  }));
  EXPECT_EQ(pool.GetStats().threads, 2);
  EXPECT_EQ(pool.Resizes(1000).back().from, 0);
}

TEST(PoolScalingTest, WorkThatKeepsProcessorsBusyDoesNotGrowIt) {
  PoolOptions options = OptionsWith(2, 64);
  options.scaling.stall_timeout = absl::Milliseconds(50);
  ThreadPool pool(options, kClock);
  ASSERT_TRUE(pool.Start().ok());
  Countdown done(8);
  std::deque<CallWork> works;
  for (int i = 0; i < 8; ++i) {
    works.emplace_back(
        [&](const Dispatch&) {
          const MonoTime until = kClock.Monotonic() + absl::Milliseconds(120);
          while (kClock.Monotonic() < until) {
          }
          done.Done();
        },
        kPriorities[i % 4]);
    ASSERT_TRUE(pool.TrySubmit(works.back()).ok());
  }
  ASSERT_TRUE(done.WaitFor(kPatience));
  EXPECT_LE(pool.GetStats().peak, 3);
}

// A dead-lock of tasks that wait for tasks behind them, without saying so.
TEST(PoolScalingTest, BreaksADeadlockByGrowing) {
  PoolOptions options = OptionsWith(2, 16);
  options.scaling.stall_timeout = absl::Milliseconds(50);
  ThreadPool pool(options, kClock);
  ASSERT_TRUE(pool.Start().ok());
  Notification last_ran;
  Countdown done(6);
  std::deque<CallWork> works;
  for (int i = 0; i < 5; ++i) {
    works.emplace_back([&](const Dispatch&) {
      last_ran.Wait();
      done.Done();
    });
  }
  works.emplace_back([&](const Dispatch&) {
    last_ran.Notify();
    done.Done();
  });
  for (CallWork& work : works) ASSERT_TRUE(pool.TrySubmit(work).ok());
  EXPECT_TRUE(done.WaitFor(kPatience)) << "dead-locked";
  last_ran.Notify();
}

// Work is submitted while the only worker that may take it is still waking up: the controller must
// hear of what is left over when that worker is gone into its first task.
TEST(PoolScalingTest, HearsOfCappedWorkThatWasSubmittedDuringASearch) {
  for (int round = 0; round < 10; ++round) {
    PoolOptions options = OptionsWith(2, 16);
    options.scaling.tick = absl::Milliseconds(1);
    ThreadPool pool(options, kClock);
    ASSERT_TRUE(pool.Start().ok());
    ASSERT_TRUE(Eventually([&] { return pool.GetStats().parks == 2; }));
    Notification last_ran;
    Countdown done(3);
    std::deque<CallWork> works;
    for (int i = 0; i < 3; ++i) {
      works.emplace_back([&, i](const Dispatch&) {
        ScopedBlocking blocking;
        if (i == 2) last_ran.Notify();
        last_ran.WaitFor(kPatience);
        done.Done();
      });
    }
    for (CallWork& work : works) ASSERT_TRUE(pool.TrySubmit(work).ok());
    ASSERT_TRUE(last_ran.WaitFor(kPatience / 2)) << "round " << round;
    ASSERT_TRUE(done.WaitFor(kPatience));
  }
}

TEST(PoolScalingTest, FollowsItsSettings) {
  std::atomic<int> heard{0};
  PoolHooks hooks;
  hooks.on_resize = [&](const ResizeEvent&) { heard.fetch_add(1); };
  ThreadPool pool(OptionsWith(1, 8), kClock, std::move(hooks));
  ASSERT_TRUE(pool.Start().ok());
  PoolUpdate update;
  update.min_threads = 6;
  ASSERT_TRUE(pool.UpdateOptions(update).ok());
  EXPECT_TRUE(Eventually([&] { return pool.GetStats().threads == 6; }));
  update.min_threads = 1;
  update.max_threads = 2;
  ASSERT_TRUE(pool.UpdateOptions(update).ok());
  // A thread is gone before its resize is in the log.
  ASSERT_TRUE(Eventually([&] { return pool.Resizes(1)[0].to == 2; }));
  EXPECT_EQ(pool.GetStats().threads, 2);
  EXPECT_EQ(Name(pool.Resizes(1)[0].reason), "settings");
  EXPECT_TRUE(Eventually([&] { return heard.load() >= 3; }));
}

// The budget changes under a pool that works: it grows no further than the processors of now allow.
TEST(PoolScalingTest, FollowsTheProcessorBudget) {
  std::atomic<int> cpus{1};
  PoolHooks hooks;
  hooks.read_cpus = [&] { return cpus.load(); };
  PoolOptions options = OptionsWith(1, 8);
  options.cpus = 1;
  ThreadPool pool(options, kClock, std::move(hooks));
  ASSERT_TRUE(pool.Start().ok());
  EXPECT_TRUE(Eventually([&] { return pool.GetStats().cpus == 1; }));
  cpus.store(3);
  Notification go_on;
  Countdown done(2);
  std::deque<CallWork> works;
  for (int i = 0; i < 2; ++i) {
    works.emplace_back([&](const Dispatch&) {
      go_on.WaitFor(kPatience);
      done.Done();
    });
    ASSERT_TRUE(pool.TrySubmit(works.back()).ok());
  }
  EXPECT_TRUE(Eventually([&] { return pool.GetStats().cpus == 3; })) << "while work waits";
  go_on.Notify();
  EXPECT_TRUE(done.WaitFor(kPatience));
}

TEST(PoolScalingTest, DoesNothingAtRest) {
  std::atomic<int> asked{0};
  PoolHooks hooks;
  hooks.read_cpus = [&] {
    asked.fetch_add(1);
    return 2;
  };
  ThreadPool pool(OptionsWith(2, 8), kClock, std::move(hooks));
  ASSERT_TRUE(pool.Start().ok());
  ASSERT_TRUE(Eventually([&] { return pool.GetStats().parks == 2; }));
  ASSERT_TRUE(Eventually([&] { return asked.load() > 0; }));
  const PoolStats before = pool.GetStats();
  const int asked_before = asked.load();
  RestFor(absl::Milliseconds(100));
  const PoolStats after = pool.GetStats();
  EXPECT_EQ(asked.load(), asked_before) << "the controller was awake";
  EXPECT_EQ(after.parks, before.parks);
  EXPECT_EQ(after.wakeups, before.wakeups);
}

// Threads come and go all the time; no work may be lost or cut off.
TEST(PoolScalingTest, ShrinkingInterruptsNothing) {
  PoolOptions options = OptionsWith(1, 16);
  options.idle_timeout = absl::Milliseconds(1);
  options.scaling.flip_hold = absl::ZeroDuration();
  ThreadPool pool(options, kClock);
  ASSERT_TRUE(pool.Start().ok());
  std::atomic<int> begun{0};
  std::atomic<int> ended{0};
  std::deque<CallWork> works;
  int submitted = 0;
  // A busy machine may take long for so many; some there are in the first rounds.
  const MonoTime until = kClock.Monotonic() + kPatience;
  const auto resizes = [&] { return pool.GetStats().resizes.total; };
  for (int round = 0; round < 8 || (resizes() < 100 && kClock.Monotonic() < until); ++round) {
    PoolUpdate update;
    update.min_threads = 1 + round % 8;
    ASSERT_TRUE(pool.UpdateOptions(update).ok());
    for (int i = 0; i < 50; ++i) {
      works.emplace_back(
          [&](const Dispatch&) {
            begun.fetch_add(1);
            sched_yield();
            ended.fetch_add(1);
          },
          kPriorities[i % 4]);
      while (!pool.TrySubmit(works.back()).ok()) sched_yield();
      ++submitted;
    }
    const bool all = Eventually([&] { return ended.load() == submitted; });
    ASSERT_TRUE(all) << submitted - ended.load() << " lost in round " << round;
  }
  EXPECT_EQ(begun.load(), submitted);
  EXPECT_TRUE(Eventually([&] { return resizes() >= 8; })) << "hardly any resizes: " << resizes();
}

}  // namespace
}  // namespace taskforge

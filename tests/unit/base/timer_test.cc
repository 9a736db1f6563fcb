#include "base/timer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace taskforge {
namespace {

const SystemClock kClock;

MonoTime In(absl::Duration d) { return kClock.Monotonic() + d; }

TEST(ThreadTimer, RunsNotBeforeItsTime) {
  Notification ran;
  MonoTime at;
  ThreadTimer timer;
  const MonoTime when = In(absl::Milliseconds(5));
  EXPECT_NE(timer.ScheduleAt(when,
                             [&] {
                               at = kClock.Monotonic();
                               ran.Notify();
                             }),
            0u);
  ran.Wait();
  EXPECT_GE(at, when);
}

TEST(ThreadTimer, RunsInOrderOfTimeThenOfScheduling) {
  Notification all_scheduled;
  Notification done;
  std::vector<int> order;
  ThreadTimer timer;
  // Holds the timer's thread, so that none runs before the timer knows them all.
  timer.ScheduleAt(MonoTime{0}, [&] { all_scheduled.Wait(); });
  const MonoTime base = In(absl::Milliseconds(20));
  timer.ScheduleAt(base + absl::Milliseconds(2), [&] { done.Notify(); });
  timer.ScheduleAt(base + absl::Milliseconds(1), [&] { order.push_back(3); });
  timer.ScheduleAt(base, [&] { order.push_back(1); });
  timer.ScheduleAt(base, [&] { order.push_back(2); });
  all_scheduled.Notify();
  done.Wait();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(ThreadTimer, ATimeThatIsPastRunsAtOnce) {
  Notification ran;
  ThreadTimer timer;
  timer.ScheduleAt(MonoTime{0}, [&] { ran.Notify(); });
  EXPECT_TRUE(ran.WaitFor(absl::Seconds(30)));
}

TEST(ThreadTimer, AnEarlierCallbackOvertakesASleep) {
  Notification ran;
  ThreadTimer timer;
  timer.ScheduleAt(In(absl::Hours(1)), [] {});
  timer.ScheduleAt(In(absl::Milliseconds(1)), [&] { ran.Notify(); });
  EXPECT_TRUE(ran.WaitFor(absl::Seconds(30)));
}

TEST(ThreadTimer, CancelsOnceAndOnlyWhatHasNotBegun) {
  std::atomic<bool> ran{false};
  Notification began;
  ThreadTimer timer;
  const TimerId id = timer.ScheduleAt(In(absl::Hours(1)), [&] { ran.store(true); });
  EXPECT_TRUE(timer.Cancel(id));
  EXPECT_FALSE(timer.Cancel(id));
  EXPECT_FALSE(timer.Cancel(0));
  EXPECT_FALSE(timer.Cancel(12345));
  const TimerId past = timer.ScheduleAt(MonoTime{0}, [&] { began.Notify(); });
  began.Wait();
  EXPECT_FALSE(timer.Cancel(past));
  EXPECT_FALSE(ran.load());
}

TEST(ThreadTimer, ACallbackMaySchedule) {
  Notification ran;
  ThreadTimer timer;
  timer.ScheduleAt(MonoTime{0}, [&] { timer.ScheduleAt(MonoTime{0}, [&] { ran.Notify(); }); });
  EXPECT_TRUE(ran.WaitFor(absl::Seconds(30)));
}

TEST(ThreadTimer, DropsWhatIsLeftWithoutRunningIt) {
  auto held = std::make_shared<int>(0);
  std::atomic<bool> ran{false};
  {
    ThreadTimer timer;
    timer.ScheduleAt(In(absl::Hours(1)), [held, &ran] { ran.store(true); });
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(ran.load());
}

// Whoever asks: a callback that runs is over when Stop() returns.
TEST(ThreadTimer, StopsForAllWhoAskAtOnce) {
  for (int round = 0; round < 50; ++round) {
    ThreadTimer timer;
    Notification begun;
    Notification go_on;
    std::atomic<bool> over{false};
    timer.ScheduleAt(kClock.Monotonic(), [&] {
      begun.Notify();
      go_on.Wait();
      over.store(true);
    });
    begun.Wait();
    std::vector<std::thread> askers;
    std::atomic<int> too_early{0};
    for (int i = 0; i < 3; ++i) {
      askers.emplace_back([&] {
        timer.Stop();
        if (!over.load()) too_early.fetch_add(1);
      });
    }
    go_on.Notify();
    for (std::thread& asker : askers) asker.join();
    EXPECT_EQ(too_early.load(), 0);
  }
}

TEST(ThreadTimer, CancelDestroysTheCallback) {
  auto held = std::make_shared<int>(0);
  ThreadTimer timer;
  const TimerId id = timer.ScheduleAt(In(absl::Hours(1)), [held] {});
  EXPECT_TRUE(timer.Cancel(id));
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace taskforge

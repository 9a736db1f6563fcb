#include "sync/event_count.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "sync/mpmc_ring.h"

namespace taskforge {
namespace {

TEST(EventCount, DoesNotSleepThroughANotificationAfterPrepare) {
  EventCount event;
  const EventCount::Key key = event.PrepareWait();
  event.NotifyOne();
  EXPECT_TRUE(event.CommitWait(key));
}

TEST(EventCount, ReturnsFalseAtTheDeadline) {
  EventCount event;
  const EventCount::Key key = event.PrepareWait();
  EXPECT_FALSE(event.CommitWait(key, SystemClock().Monotonic() + absl::Milliseconds(1)));
}

TEST(EventCount, ForgetsNotificationsFromBeforePrepare) {
  EventCount event;
  event.NotifyAll();
  const EventCount::Key key = event.PrepareWait();
  EXPECT_FALSE(event.CommitWait(key, SystemClock().Monotonic() + absl::Milliseconds(1)));
}

TEST(EventCount, CancelLeavesNoTrace) {
  EventCount event;
  static_cast<void>(event.PrepareWait());
  event.CancelWait();
  event.NotifyOne();  // Nobody waits: the sequence must not move.
  const EventCount::Key key = event.PrepareWait();
  EXPECT_EQ(key, 0u);
  event.CancelWait();
}

TEST(EventCount, NotifyAllWakesEveryWaiter) {
  EventCount event;
  std::atomic<bool> open{false};
  std::vector<std::thread> waiters;
  for (int i = 0; i < 8; ++i) {
    waiters.emplace_back([&] {
      while (!open.load()) {
        const EventCount::Key key = event.PrepareWait();
        if (open.load()) {
          event.CancelWait();
          return;
        }
        event.CommitWait(key);
      }
    });
  }
  open.store(true);
  event.NotifyAll();
  for (std::thread& waiter : waiters) waiter.join();
}

class EventCountThreads : public testing::TestWithParam<int> {};

// A lost wake-up leaves a consumer asleep for ever, and the test hangs until its timeout.
TEST_P(EventCountThreads, LosesNoWakeUp) {
  const int consumers = GetParam();
  constexpr int kItems = 4000;
  MpmcRing<int> ring(4);
  EventCount filled;
  EventCount drained;
  std::vector<std::thread> threads;
  std::atomic<int> taken{0};
  for (int c = 0; c < consumers; ++c) {
    threads.emplace_back([&] {
      for (;;) {
        int value;
        PopResult result = ring.TryPop(value);
        if (result != PopResult::kTaken) {
          const EventCount::Key key = filled.PrepareWait();
          result = ring.TryPop(value);
          if (result == PopResult::kEmpty) {
            filled.CommitWait(key);
            continue;
          }
          filled.CancelWait();
          if (result == PopResult::kContended) {
            std::this_thread::yield();
            continue;
          }
        }
        drained.NotifyOne();
        if (value < 0) return;
        taken.fetch_add(1);
      }
    });
  }
  for (int i = 0; i < kItems + consumers; ++i) {
    const int value = i < kItems ? i : -1;
    while (!ring.TryPush(value)) {
      const EventCount::Key key = drained.PrepareWait();
      if (ring.SizeApprox() < ring.capacity()) {
        drained.CancelWait();
      } else {
        drained.CommitWait(key);
      }
    }
    filled.NotifyOne();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken.load(), kItems);
}
INSTANTIATE_TEST_SUITE_P(Threads, EventCountThreads, testing::Values(1, 2, 8));

}  // namespace
}  // namespace taskforge

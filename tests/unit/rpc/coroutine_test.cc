#include "rpc/coroutine.h"

#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace taskforge {
namespace {

Detached StoreWhenSet(Ref<Eventual<std::string>> eventual, std::string& to) {
  Eventual<std::string>& later = *eventual;
  to = co_await later;
}

TEST(Eventual, GivesAValueThatWasSetBefore) {
  auto eventual = MakeRef<Eventual<std::string>>();
  EXPECT_TRUE(eventual->Set("early"));
  std::string got;
  StoreWhenSet(eventual, got);
  EXPECT_EQ(got, "early");
}

TEST(Eventual, ResumesWhoeverWaits) {
  auto eventual = MakeRef<Eventual<std::string>>();
  std::string got;
  StoreWhenSet(eventual, got);
  EXPECT_EQ(got, "");
  EXPECT_TRUE(eventual->Set("late"));
  EXPECT_EQ(got, "late");
}

TEST(Eventual, TakesTheFirstValueOnly) {
  auto eventual = MakeRef<Eventual<std::string>>();
  EXPECT_TRUE(eventual->Set("first"));
  EXPECT_FALSE(eventual->Set("second"));
  std::string got;
  StoreWhenSet(eventual, got);
  EXPECT_EQ(got, "first");
}

// Whoever wins the race between Set and co_await, the value arrives, once.
TEST(Eventual, SetRacesWithAwait) {
  for (int round = 0; round < 1000; ++round) {
    auto eventual = MakeRef<Eventual<std::string>>();
    std::atomic<bool> start{false};
    std::atomic<int> won{0};
    std::vector<std::thread> setters;
    for (int i = 0; i < 2; ++i) {
      setters.emplace_back([&, i] {
        for (int looks = 0; !start.load(); ++looks) {
          if (looks > 1000) std::this_thread::yield();
        }
        if (eventual->Set(std::to_string(i))) won.fetch_add(1);
      });
    }
    std::string got;
    start.store(true);
    if (round % 2 == 0) std::this_thread::yield();
    StoreWhenSet(eventual, got);
    for (std::thread& setter : setters) setter.join();
    ASSERT_EQ(won.load(), 1);
    ASSERT_EQ(got.size(), 1U);
  }
}

Detached CountWakes(Wakeup& wakeup, std::atomic<int>& items, std::atomic<int>& seen, int until) {
  while (seen.load() < until) {
    const int taken = items.exchange(0);
    if (taken == 0) {
      co_await wakeup;
      continue;
    }
    seen.fetch_add(taken);
  }
}

// No item is left behind, however setters and the waiting coroutine interleave.
TEST(Wakeup, LosesNothing) {
  for (int threads : {1, 2, 8}) {
    Wakeup wakeup;
    std::atomic<int> items{0};
    std::atomic<int> seen{0};
    constexpr int kEach = 5000;
    CountWakes(wakeup, items, seen, threads * kEach);
    std::vector<std::thread> setters;
    for (int i = 0; i < threads; ++i) {
      setters.emplace_back([&] {
        for (int n = 0; n < kEach; ++n) {
          items.fetch_add(1);
          wakeup.Set();
        }
      });
    }
    for (std::thread& setter : setters) setter.join();
    EXPECT_EQ(seen.load(), threads * kEach);
  }
}

TEST(Wakeup, ManySetsAreOne) {
  Wakeup wakeup;
  wakeup.Set();
  wakeup.Set();
  EXPECT_TRUE(wakeup.await_ready());
  EXPECT_FALSE(wakeup.await_ready());
}

}  // namespace
}  // namespace taskforge

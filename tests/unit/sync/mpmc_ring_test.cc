#include "sync/mpmc_ring.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <thread>
#include <vector>

namespace taskforge {
namespace {

TEST(MpmcRing, RoundsItsCapacityUpToAPowerOfTwo) {
  EXPECT_EQ(MpmcRing<int>(0).capacity(), 2u);
  EXPECT_EQ(MpmcRing<int>(1).capacity(), 2u);
  EXPECT_EQ(MpmcRing<int>(5).capacity(), 8u);
  EXPECT_EQ(MpmcRing<int>(8).capacity(), 8u);
}

TEST(MpmcRing, SaysThatItIsEmptyAndLeavesTheValueAlone) {
  MpmcRing<int> ring(4);
  int value = 7;
  EXPECT_EQ(ring.TryPop(value), PopResult::kEmpty);
  EXPECT_EQ(value, 7);
  EXPECT_EQ(ring.SizeApprox(), 0u);
}

TEST(MpmcRing, KeepsOrderOverManyLaps) {
  MpmcRing<int> ring(4);
  int next_in = 0;
  int next_out = 0;
  for (int lap = 0; lap < 100; ++lap) {
    const int batch = 1 + lap % 4;
    for (int i = 0; i < batch; ++i) ASSERT_TRUE(ring.TryPush(next_in++));
    EXPECT_EQ(ring.SizeApprox(), static_cast<size_t>(batch));
    for (int i = 0; i < batch; ++i) {
      int value = -1;
      ASSERT_EQ(ring.TryPop(value), PopResult::kTaken);
      ASSERT_EQ(value, next_out++);
    }
  }
}

TEST(MpmcRing, RefusesWhenFullAndTakesAgainAfterAPop) {
  MpmcRing<int> ring(4);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(ring.TryPush(i));
  EXPECT_FALSE(ring.TryPush(4));
  EXPECT_EQ(ring.SizeApprox(), 4u);
  int value = -1;
  ASSERT_EQ(ring.TryPop(value), PopResult::kTaken);
  EXPECT_EQ(value, 0);
  EXPECT_TRUE(ring.TryPush(4));
  EXPECT_FALSE(ring.TryPush(5));
}

class MpmcRingThreads : public testing::TestWithParam<int> {};

// Every element arrives once, and those of one producer in order at each consumer.
TEST_P(MpmcRingThreads, DeliversEachElementOnceAndInOrderOfItsProducer) {
  const int pairs = GetParam();
  constexpr uint64_t kEach = 5000;
  MpmcRing<uint64_t> ring(16);
  std::atomic<uint64_t> left{kEach * static_cast<uint64_t>(pairs)};
  std::vector<std::vector<uint64_t>> taken(static_cast<size_t>(pairs));
  std::vector<std::thread> threads;
  for (int p = 0; p < pairs; ++p) {
    threads.emplace_back([&ring, p] {
      for (uint64_t i = 0; i < kEach; ++i) {
        while (!ring.TryPush(static_cast<uint64_t>(p) << 32 | i)) std::this_thread::yield();
      }
    });
    threads.emplace_back([&ring, &left, &mine = taken[static_cast<size_t>(p)]] {
      while (left.load() > 0) {
        uint64_t value;
        if (ring.TryPop(value) == PopResult::kTaken) {
          mine.push_back(value);
          left.fetch_sub(1);
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<uint64_t> count(static_cast<size_t>(pairs), 0);
  for (const std::vector<uint64_t>& mine : taken) {
    std::vector<int64_t> last(static_cast<size_t>(pairs), -1);
    for (uint64_t value : mine) {
      const size_t producer = value >> 32;
      const int64_t index = static_cast<int64_t>(value & 0xffffffff);
      ASSERT_GT(index, last[producer]);
      last[producer] = index;
      ++count[producer];
    }
  }
  for (uint64_t each : count) EXPECT_EQ(each, kEach);
}

// Whoever never holds more than the capacity is never refused, though consumers are preempted.
TEST_P(MpmcRingThreads, NeverRefusesWhoCountsHisElements) {
  const int threads_count = GetParam();
  MpmcRing<int> ring(static_cast<size_t>(threads_count));
  std::vector<std::thread> threads;
  std::atomic<int> refused{0};
  for (int t = 0; t < threads_count; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 3000; ++i) {
        if (!ring.TryPush(i)) refused.fetch_add(1);
        int value;
        while (ring.TryPop(value) != PopResult::kTaken) std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused.load(), 0);
}

INSTANTIATE_TEST_SUITE_P(Threads, MpmcRingThreads, testing::Values(1, 2, 8));

}  // namespace
}  // namespace taskforge

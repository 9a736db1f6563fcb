#include "pool/level_rings.h"

#include <gtest/gtest.h>

#include <deque>
#include <thread>
#include <vector>

#include "unit/pool/pool_fixture.h"

namespace taskforge {
namespace {

class LevelRingsTest : public testing::Test {
 protected:
  static constexpr size_t kCapacity = 8;

  Work& NewWork(Priority priority = Priority::kNormal) {
    works_.emplace_back([](const Dispatch&) {}, priority);
    return works_.back();
  }

  TakeEnd end_;
  LevelRings rings_{kCapacity, 16, 2, 4, end_};
  std::deque<CallWork> works_;
};

TEST_F(LevelRingsTest, CountsPlacesOverAllPrioritiesAndLaps) {
  for (int lap = 0; lap < 50; ++lap) {
    for (size_t i = 0; i < kCapacity; ++i) {
      ASSERT_TRUE(rings_.TryPushOrdinary(NewWork(kPriorities[i % 4])));
    }
    for (Priority priority : kPriorities) {
      ASSERT_FALSE(rings_.TryPushOrdinary(NewWork(priority)));
      ASSERT_EQ(rings_.size(priority), 2u);
    }
    // One place comes back: one more finds room, of any priority.
    ASSERT_NE(rings_.Pop(Priority::kLow).work, nullptr);
    ASSERT_TRUE(rings_.TryPushOrdinary(NewWork(Priority::kCritical)));
    ASSERT_FALSE(rings_.TryPushOrdinary(NewWork(Priority::kLow)));
    for (Priority priority : kPriorities) {
      while (rings_.Pop(priority).work != nullptr) {
      }
    }
    ASSERT_TRUE(rings_.empty());
  }
}

TEST_F(LevelRingsTest, OthersHavePlacesOfTheirOwn) {
  for (size_t i = 0; i < kCapacity; ++i) ASSERT_TRUE(rings_.TryPushOrdinary(NewWork()));
  EXPECT_TRUE(rings_.TryPushReleased(NewWork()));
  EXPECT_TRUE(rings_.TryPushReleased(NewWork()));
  EXPECT_FALSE(rings_.TryPushReleased(NewWork()));
  rings_.PushReserved(NewWork());
  EXPECT_EQ(rings_.size(Priority::kNormal), kCapacity + 3);
  for (size_t i = 0; i < kCapacity; ++i) {
    EXPECT_EQ(rings_.Pop(Priority::kNormal).place, Place::kOrdinary);
  }
  EXPECT_EQ(rings_.Pop(Priority::kNormal).place, Place::kReleased);
  EXPECT_EQ(rings_.released(Priority::kNormal), 1u);
}

// What has no place under the capacity gives none back either.
TEST_F(LevelRingsTest, WhatHasNoPlaceFreesNone) {
  ASSERT_TRUE(rings_.TryPushReleased(NewWork()));
  rings_.PushReserved(NewWork());
  for (int i = 0; i < 2; ++i) ASSERT_NE(rings_.Pop(Priority::kNormal).work, nullptr);
  for (size_t i = 0; i < kCapacity; ++i) ASSERT_TRUE(rings_.TryPushOrdinary(NewWork()));
  EXPECT_FALSE(rings_.TryPushOrdinary(NewWork()));
  EXPECT_EQ(rings_.size(Priority::kNormal), kCapacity);
}

TEST_F(LevelRingsTest, ABatchTakesWhatFindsRoomFromTheFront) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(rings_.TryPushOrdinary(NewWork()));
  std::vector<Work*> batch;
  for (size_t i = 0; i < 7; ++i) batch.push_back(&NewWork(kPriorities[i % 4]));
  EXPECT_EQ(rings_.TryPushOrdinary(batch), 5u);
  EXPECT_EQ(rings_.TryPushOrdinary(batch), 0u);
  EXPECT_EQ(rings_.Pop(Priority::kLow).work, batch[0]);
  EXPECT_EQ(rings_.Pop(Priority::kLow).work, batch[4]);
  EXPECT_EQ(rings_.Pop(Priority::kLow).work, nullptr);
  EXPECT_EQ(rings_.Pop(Priority::kHigh).work, batch[2]);
  EXPECT_EQ(rings_.Pop(Priority::kCritical).work, batch[3]);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rings_.Pop(Priority::kNormal).work, &works_[size_t(i)]);
  EXPECT_EQ(rings_.Pop(Priority::kNormal).work, batch[1]);
  EXPECT_TRUE(rings_.empty());
}

TEST_F(LevelRingsTest, ALowerCapacityLetsNothingInUntilThereIsRoom) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(rings_.TryPushOrdinary(NewWork()));
  rings_.SetCapacity(4);
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(rings_.TryPushOrdinary(NewWork()));
    ASSERT_NE(rings_.Pop(Priority::kNormal).work, nullptr);
  }
  EXPECT_FALSE(rings_.TryPushOrdinary(NewWork()));
  ASSERT_NE(rings_.Pop(Priority::kNormal).work, nullptr);
  EXPECT_TRUE(rings_.TryPushOrdinary(NewWork()));
}

// Limits of Critical, High, Normal, Low: 8, 6, 5, 2.
TEST_F(LevelRingsTest, AReserveIsForItsPriorityAndMoreUrgentOnes) {
  rings_.SetCapacity(kCapacity, {2, 1, 3});
  EXPECT_TRUE(rings_.has_reserves());
  std::vector<size_t> found;  // Places that each priority finds in turn, the least urgent first.
  for (const Priority priority : kPriorities) {
    size_t count = 0;
    while (rings_.TryPushOrdinary(NewWork(priority))) ++count;
    found.push_back(count);
  }
  EXPECT_EQ(found, (std::vector<size_t>{2, 3, 1, 2}));
  // What becomes free is for those below whose limit all that waits is.
  for (int i = 0; i < 2; ++i) ASSERT_NE(rings_.Pop(Priority::kLow).work, nullptr);
  EXPECT_FALSE(rings_.TryPushOrdinary(NewWork(Priority::kHigh)));
  ASSERT_NE(rings_.Pop(Priority::kNormal).work, nullptr);
  EXPECT_FALSE(rings_.TryPushOrdinary(NewWork(Priority::kNormal)));
  EXPECT_TRUE(rings_.TryPushOrdinary(NewWork(Priority::kHigh)));
  rings_.SetCapacity(kCapacity);
  EXPECT_FALSE(rings_.has_reserves());
  EXPECT_TRUE(rings_.TryPushOrdinary(NewWork(Priority::kLow)));
}

TEST_F(LevelRingsTest, ABatchEndsAtTheFirstThatItsLimitKeepsOut) {
  rings_.SetCapacity(kCapacity, {2, 1, 3});
  const auto push = [&](const std::vector<Priority>& priorities) {
    std::vector<Work*> batch;
    for (const Priority priority : priorities) batch.push_back(&NewWork(priority));
    return rings_.TryPushOrdinary(batch);
  };
  using enum Priority;
  EXPECT_EQ(push({kCritical, kLow, kLow, kCritical}), 2u) << "2 wait: no low one more";
  EXPECT_EQ(push({kNormal, kNormal, kHigh, kNormal, kCritical}), 3u);
  EXPECT_EQ(push({kHigh}), 1u);
  EXPECT_EQ(push({kHigh, kCritical}), 0u) << "nothing overtakes what is refused";
  EXPECT_EQ(push({kCritical, kCritical, kCritical}), 2u);
  EXPECT_EQ(rings_.size(kLow), 1u);
  EXPECT_EQ(rings_.size(kNormal), 2u);
  EXPECT_EQ(rings_.size(kHigh), 2u);
  EXPECT_EQ(rings_.size(kCritical), 3u);
}

// Low work floods from several threads: what is kept for Critical is there at every moment.
TEST_F(LevelRingsTest, AReserveHoldsAmongThreads) {
  rings_.SetCapacity(kCapacity, {1, 0, 0});
  constexpr int kThreads = 3;
  std::atomic<bool> is_over{false};
  std::atomic<int> lows{0};
  std::vector<std::thread> threads;
  std::deque<CallWork> works;
  for (int t = 0; t < kThreads; ++t) works.emplace_back([](const Dispatch&) {}, Priority::kLow);
  for (CallWork& work : works) {
    threads.emplace_back([&] {
      std::vector<Work*> batch(kCapacity, &work);
      while (!is_over.load()) {
        size_t pushed = rings_.TryPushOrdinary(batch);
        lows += static_cast<int>(pushed);
        std::this_thread::yield();  // Others run while it is full.
        for (; pushed > 0; --pushed) {
          while (rings_.Pop(Priority::kLow).work == nullptr) std::this_thread::yield();
        }
      }
    });
  }
  int refused = 0;
  for (int i = 0; i < 20'000 || lows.load() < 20'000; ++i) {
    if (i % 16 == 0) std::this_thread::yield();
    works_.clear();
    if (!rings_.TryPushOrdinary(NewWork(Priority::kCritical))) {
      ++refused;
    } else if (rings_.Pop(Priority::kCritical).work == nullptr) {
      ADD_FAILURE() << "what was pushed is there";
    }
  }
  is_over.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 0);
  EXPECT_TRUE(rings_.empty());
}

// Threads that push as much as they may and pop: never more than the capacity waits, and nobody is
// refused while fewer than the capacity are in anybody's hands.
TEST_F(LevelRingsTest, TheCapacityHoldsAmongThreads) {
  constexpr int kThreads = 4;
  std::atomic<int> refused{0};
  std::atomic<size_t> most{0};
  std::vector<std::thread> threads;
  std::deque<std::deque<CallWork>> works(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    for (size_t i = 0; i < kCapacity / kThreads; ++i) {
      works[size_t(t)].emplace_back([](const Dispatch&) {}, kPriorities[i % 4]);
    }
    threads.emplace_back([&, &mine = works[size_t(t)]] {
      for (int round = 0; round < 5'000; ++round) {
        for (CallWork& work : mine) refused += rings_.TryPushOrdinary(work) ? 0 : 1;
        size_t waiting = 0;
        for (Priority priority : kPriorities) waiting += rings_.size(priority);
        if (waiting > most.load()) most.store(waiting);
        // As many as it has pushed, whoever pushed them.
        for (CallWork& work : mine) {
          while (rings_.Pop(work.priority).work == nullptr) std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused.load(), 0);
  EXPECT_GT(most.load(), 0u);
  EXPECT_TRUE(rings_.empty());
}

}  // namespace
}  // namespace taskforge

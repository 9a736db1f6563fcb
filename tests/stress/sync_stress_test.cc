// The checks that the wrong structures of naive/ fail, over ours.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "stress/bus_driver.h"
#include "stress/container_driver.h"
#include "sync/event_count.h"
#include "sync/lock_free_queue.h"
#include "sync/lock_free_stack.h"
#include "sync/rw_lock.h"

namespace taskforge {
namespace {

// The least bus that is right: our queue and our waiting. It shows that the driver can be passed.
template <typename Yield>
class SmallBus {
 public:
  void Publish(const std::string& topic, uint64_t value) {
    queue_.Push({topic, value});
    published_.NotifyOne();
  }
  void Subscribe(const std::string& topic, std::function<void(uint64_t)> callback) {
    WriteLock lock(lock_);
    callbacks_[topic].push_back(std::move(callback));
  }
  size_t Drain(absl::Duration timeout) {
    std::optional<Event> event = queue_.TryPop();
    if (!event.has_value()) {
      Yield::At();
      const EventCount::Key key = published_.PrepareWait();
      Yield::At();
      event = queue_.TryPop();
      Yield::At();
      if (event.has_value()) {
        published_.CancelWait();
      } else {
        published_.CommitWait(key, SystemClock().Monotonic() + timeout);
        event = queue_.TryPop();
        if (!event.has_value()) return 0;
      }
    }
    std::vector<std::function<void(uint64_t)>> callbacks;
    {
      ReadLock lock(lock_);
      callbacks = callbacks_.at(event->first);
    }
    for (const auto& callback : callbacks) callback(event->second);
    return 1;
  }

 private:
  using Event = std::pair<std::string, uint64_t>;
  LockFreeQueue<Event, Yield> queue_;
  EventCount published_;
  RwLock lock_;
  std::map<std::string, std::vector<std::function<void(uint64_t)>>> callbacks_
      ABSL_GUARDED_BY(lock_);
};

class SyncStress : public testing::TestWithParam<int> {
 protected:
  // The work of a case does not grow with its threads.
  uint64_t ItemsEach() const { return 4000 / static_cast<uint64_t>(GetParam()); }

  const uint64_t seed_ = EntropySeed() % 1'000'000;
};

TEST_P(SyncStress, QueueDeliversOnceAndInOrder) {
  LockFreeQueue<uint64_t, SeededYield> queue;
  EXPECT_EQ(CheckDeliversOnce(queue, Order::kFifo, GetParam(), ItemsEach(), seed_), "")
      << "seed " << seed_;
}

TEST_P(SyncStress, StackDeliversOnce) {
  LockFreeStack<uint64_t, SeededYield> stack;
  EXPECT_EQ(CheckDeliversOnce(stack, Order::kLifo, GetParam(), ItemsEach(), seed_), "")
      << "seed " << seed_;
}

TEST_P(SyncStress, QueueHistoriesAreLinearizable) {
  using Queue = LockFreeQueue<uint64_t, SeededYield>;
  EXPECT_EQ(CheckHistories<Queue>(Order::kFifo, GetParam(), 50, seed_), "") << "seed " << seed_;
}

TEST_P(SyncStress, StackHistoriesAreLinearizable) {
  using Stack = LockFreeStack<uint64_t, SeededYield>;
  EXPECT_EQ(CheckHistories<Stack>(Order::kLifo, GetParam(), 50, seed_), "") << "seed " << seed_;
}

TEST_P(SyncStress, BusDeliversOnce) {
  EXPECT_EQ(CheckPublishesOnce<SmallBus<SeededYield>>(GetParam(), ItemsEach() / 2, seed_), "")
      << "seed " << seed_;
}

INSTANTIATE_TEST_SUITE_P(Threads, SyncStress, testing::Values(1, 2, 8));

TEST(SyncScripted, QueueSurvivesAnInterruptedPop) {
  EXPECT_EQ((CheckInterruptedPop<LockFreeQueue<uint64_t, ScriptedYield>>()), "");
}
TEST(SyncScripted, StackSurvivesAnInterruptedPop) {
  EXPECT_EQ((CheckInterruptedPop<LockFreeStack<uint64_t, ScriptedYield>>()), "");
}
TEST(SyncScripted, BusLosesNoWakeUp) {
  EXPECT_EQ(CheckNoLostWakeUp<SmallBus<ScriptedYield>>(), "");
}

// The history checker finds what it should.
Operation Push(uint64_t item, uint64_t begin, uint64_t end) { return {true, item, begin, end}; }
Operation Pop(std::optional<uint64_t> item, uint64_t begin, uint64_t end) {
  return {false, item, begin, end};
}

TEST(CheckHistory, AcceptsWhatOverlaps) {
  EXPECT_EQ(CheckHistory(Order::kFifo, {Push(1, 0, 3), Push(2, 1, 2), Pop(2, 4, 5), Pop(1, 6, 7)}),
            "");
  EXPECT_EQ(CheckHistory(Order::kFifo, {Push(1, 0, 2), Pop(std::nullopt, 1, 3)}), "");
  EXPECT_EQ(CheckHistory(Order::kLifo, {Push(1, 0, 1), Push(2, 2, 3), Pop(2, 4, 5)}), "");
}
TEST(CheckHistory, FindsWhatNoOrderExplains) {
  EXPECT_NE(CheckHistory(Order::kFifo, {Push(1, 0, 1), Push(2, 2, 3), Pop(2, 4, 5)}), "");
  EXPECT_NE(CheckHistory(Order::kLifo, {Push(1, 0, 1), Push(2, 2, 3), Pop(1, 4, 5)}), "");
  EXPECT_NE(CheckHistory(Order::kFifo, {Push(1, 0, 1), Pop(1, 2, 3), Pop(1, 4, 5)}), "");
  EXPECT_NE(CheckHistory(Order::kFifo, {Push(1, 2, 3), Pop(1, 0, 1)}), "");
  EXPECT_NE(CheckHistory(Order::kFifo, {Push(1, 0, 1), Pop(std::nullopt, 2, 3)}), "");
  EXPECT_NE(CheckHistory(Order::kFifo, {Pop(5, 0, 1)}), "");
}

}  // namespace
}  // namespace taskforge

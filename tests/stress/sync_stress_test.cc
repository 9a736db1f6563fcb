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
#include "stress/yielding_atomics.h"
#include "sync/async_result.h"
#include "sync/concurrent_cache.h"
#include "sync/event_count.h"
#include "sync/lock_free_queue.h"
#include "sync/lock_free_stack.h"
#include "sync/mpmc_ring.h"
#include "sync/rw_lock.h"

namespace taskforge {
namespace {

using Seeded = YieldingAtomics<SeededYield>;
using Scripted = YieldingAtomics<ScriptedYield>;

// The least bus that is right: our queue and our waiting. It shows that the driver can be passed.
template <typename Yield, typename Atomics>
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
      const auto key = published_.PrepareWait();
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
  LockFreeQueue<Event, Atomics> queue_;
  BasicEventCount<Atomics> published_;
  RwLock lock_;
  std::map<std::string, std::vector<std::function<void(uint64_t)>>> callbacks_
      ABSL_GUARDED_BY(lock_);
};

class SyncStress : public testing::TestWithParam<int> {
 protected:
  // The work of a case does not grow with its threads.
  uint64_t ItemsEach() const { return 4000 / static_cast<uint64_t>(GetParam()); }

  uint64_t CallsEach() const { return kCalls / static_cast<uint64_t>(GetParam()); }

  const uint64_t seed_ = EntropySeed() % 1'000'000;
};

TEST_P(SyncStress, QueueDeliversOnceAndInOrder) {
  LockFreeQueue<uint64_t, Seeded> queue;
  EXPECT_EQ(CheckDeliversOnce(queue, Order::kFifo, GetParam(), ItemsEach(), seed_), "")
      << "seed " << seed_;
}

TEST_P(SyncStress, StackDeliversOnce) {
  LockFreeStack<uint64_t, Seeded> stack;
  EXPECT_EQ(CheckDeliversOnce(stack, Order::kLifo, GetParam(), ItemsEach(), seed_), "")
      << "seed " << seed_;
}

TEST_P(SyncStress, QueueHistoriesAreLinearizable) {
  using Queue = LockFreeQueue<uint64_t, Seeded>;
  EXPECT_EQ((CheckHistories<Queue, Order::kFifo>(GetParam(), 50, seed_)), "") << "seed " << seed_;
}

TEST_P(SyncStress, StackHistoriesAreLinearizable) {
  using Stack = LockFreeStack<uint64_t, Seeded>;
  EXPECT_EQ((CheckHistories<Stack, Order::kLifo>(GetParam(), 50, seed_)), "") << "seed " << seed_;
}

// A full ring refuses, and an empty one says so; a claimed element that is not published yet is
// neither, and says nothing.
TEST_P(SyncStress, RingHistoriesAreLinearizable) {
  constexpr size_t kCapacity = 4;
  for (uint64_t round = 0; round < 50; ++round) {
    MpmcRing<uint64_t, Seeded> ring(kCapacity);
    auto history = RecordHistory<Operation>(GetParam(), CallsEach(), seed_ * 1000 + round,
                                            [&](uint64_t thread, uint64_t i, Random& random) {
                                              Operation op;
                                              op.is_push = random.Next64() % 8 < 5;
                                              uint64_t item = thread << 32 | i;
                                              if (op.is_push) {
                                                if (ring.TryPush(item)) op.item = item;
                                                return op;
                                              }
                                              PopResult popped = PopResult::kContended;
                                              while (popped == PopResult::kContended)
                                                popped = ring.TryPop(item);
                                              if (popped == PopResult::kTaken) op.item = item;
                                              return op;
                                            });
    ASSERT_EQ(CheckLinearizable<SequentialRing<kCapacity>>(WithDepartures(history)), "")
        << "seed " << seed_ << ", round " << round;
  }
}

TEST_P(SyncStress, CacheHistoriesAreLinearizableForEachKey) {
  constexpr int kKeys = 3;
  for (uint64_t round = 0; round < 50; ++round) {
    ConcurrentCache<int, uint64_t> cache({.capacity = 64, .shards = 2}, SystemClock());
    const auto history = RecordHistory<MapCall>(GetParam(), CallsEach(), seed_ * 1000 + round,
                                                [&](uint64_t thread, uint64_t i, Random& random) {
                                                  MapCall call;
                                                  call.key =
                                                      static_cast<int>(random.Next64() % kKeys);
                                                  switch (random.Next64() % 4) {
                                                    case 0:
                                                      call.what = MapCall::What::kPut;
                                                      call.value = thread << 32 | i;
                                                      cache.Put(call.key, *call.value);
                                                      break;
                                                    case 1:
                                                      call.what = MapCall::What::kErase;
                                                      if (cache.Erase(call.key)) call.value = 0;
                                                      break;
                                                    default:
                                                      call.value = cache.Get(call.key);
                                                  }
                                                  return call;
                                                });
    ASSERT_EQ(
        (CheckLinearizableByKey<SequentialKey>(history, [](const MapCall& c) { return c.key; })),
        "")
        << "seed " << seed_ << ", round " << round;
  }
}

// The state of a result: set once, and seen by all who look later.
TEST_P(SyncStress, ResultHistoriesAreLinearizable) {
  using Result = AsyncResult<uint64_t, Seeded>;
  for (uint64_t round = 0; round < 50; ++round) {
    Promise<uint64_t, Seeded> promise;
    const Result result = promise.result();
    const auto history = RecordHistory<Operation>(
        GetParam(), CallsEach(), seed_ * 1000 + round, [&](uint64_t thread, uint64_t i, Random&) {
          Operation op;
          op.is_push = thread == 0 && i == CallsEach() / 2;
          if (op.is_push) {
            op.item = 7;
            promise.Set(*op.item);
          } else if (result.ready()) {
            op.item = *result.get();
          }
          return op;
        });
    ASSERT_EQ(CheckLinearizable<SequentialResult>(history), "")
        << "seed " << seed_ << ", round " << round;
  }
}

TEST_P(SyncStress, BusDeliversOnce) {
  EXPECT_EQ((CheckPublishesOnce<SmallBus<SeededYield, Seeded>>)(GetParam(), ItemsEach() / 2, seed_),
            "")
      << "seed " << seed_;
}

INSTANTIATE_TEST_SUITE_P(Threads, SyncStress, testing::Values(1, 2, 8));

TEST(SyncScripted, QueueSurvivesAnInterruptedPop) {
  EXPECT_EQ((CheckInterruptedPop<LockFreeQueue<uint64_t, Scripted>, Order::kFifo>()), "");
}
TEST(SyncScripted, StackSurvivesAnInterruptedPop) {
  EXPECT_EQ((CheckInterruptedPop<LockFreeStack<uint64_t, Scripted>, Order::kLifo>()), "");
}
TEST(SyncScripted, BusLosesNoWakeUp) {
  EXPECT_EQ((CheckNoLostWakeUp<SmallBus<ScriptedYield, StdAtomics>>()), "");
}

}  // namespace
}  // namespace taskforge

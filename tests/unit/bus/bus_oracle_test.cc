#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "support/drain_executor.h"
#include "support/fake_clock.h"
#include "support/mutex_bus.h"
#include "support/recording_sink.h"

namespace taskforge {
namespace {

// The same random history on the bus and on its oracle: every subscriber sees the same, priority
// by priority, gaps included.
TEST(BusAndOracle, AgreeOnRandomHistories) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 60; ++round) {
    FakeClock clock;
    ManualDrainExecutor executor(clock);
    Bus bus({}, executor, clock);
    MutexBus oracle({}, executor, clock);
    struct Pair {
      RecordingSink ours, oracles;
      std::unique_ptr<Subscription> subscription;
      std::unique_ptr<MutexBus::Handle> handle;
    };
    const std::vector<std::string> topics = {"a", "b", "a.b", "a.c", "b.c", "a.b.c"};
    const std::vector<std::string> filters = {"a", "a.*", "a.>", ">", "*.c", "*", "b.c"};
    const std::vector<SlowSubscriberPolicy> policies = {
        SlowSubscriberPolicy::kDropOldest, SlowSubscriberPolicy::kDropNewest,
        SlowSubscriberPolicy::kDisconnect, SlowSubscriberPolicy::kConflate};
    std::vector<std::unique_ptr<Pair>> pairs;
    for (int i = 0; i < 400; ++i) {
      const auto dice = random() % 40;
      if (dice == 0 || pairs.empty()) {
        SubscribeOptions options =
            SubscribeTo({filters[random() % filters.size()], filters[random() % filters.size()]});
        options.policy = policies[random() % policies.size()];
        options.max_events = 1 + random() % 16;
        options.max_bytes = 1000 + random() % 8000;
        pairs.push_back(std::make_unique<Pair>());
        pairs.back()->subscription = *bus.Subscribe(options, pairs.back()->ours);
        pairs.back()->handle = *oracle.Subscribe(options, pairs.back()->oracles);
      } else if (dice < 4) {
        executor.RunAll();
      } else if (dice < 6) {
        Pair& pair = *pairs[random() % pairs.size()];
        executor.RunAll();
        pair.ours.pauses = pair.oracles.pauses = random() % 2 == 0;
      } else if (dice < 8) {
        Pair& pair = *pairs[random() % pairs.size()];
        executor.RunAll();
        pair.ours.pauses = pair.oracles.pauses = false;
        pair.subscription->Resume();
        pair.handle->Resume();
      } else if (dice == 8) {
        executor.RunAll();
        Pair& pair = *pairs[random() % pairs.size()];
        pair.subscription->Close();
        pair.handle->Close();
      } else {
        const EventRef event = EventOn(topics[random() % topics.size()], std::to_string(i),
                                       kPriorities[random() % kPriorityCount], random() % 3000);
        ASSERT_EQ(bus.Publish(event).routed, oracle.Publish(event).routed);
      }
    }
    executor.RunAll();
    for (const auto& pair : pairs) {
      const SubscriptionInfo ours = pair->subscription->Info();
      const SubscriptionInfo oracles = pair->handle->Info();
      EXPECT_EQ(ours.delivered, oracles.delivered);
      EXPECT_EQ(ours.dropped_by_reason, oracles.dropped_by_reason);
      EXPECT_EQ(ours.backlog_bytes, oracles.backlog_bytes);
      EXPECT_EQ(pair->ours.closed.size(), pair->oracles.closed.size());
      for (Priority priority : kPriorities) {
        ASSERT_EQ(pair->ours.by_priority[Index(priority)],
                  pair->oracles.by_priority[Index(priority)]);
      }
    }
  }
}

}  // namespace
}  // namespace taskforge

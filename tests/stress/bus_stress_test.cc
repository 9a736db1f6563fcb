// The bus with real threads: order, accounting, endings and waiting, at 1, 2 and 8 publishers.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "bus/bus.h"
#include "bus/publisher.h"
#include "support/drain_executor.h"
#include "support/numbered_event.h"
#include "support/recording_sink.h"

namespace taskforge {
namespace {

// Checks order and gaps: of each publisher and priority, numbers rise, and between two of them at
// least as many events are reported missed as that publisher lost there.
class CheckingSink final : public EventSink {
 public:
  SinkResult Deliver(absl::Span<const Delivery> batch) override {
    if (inside_.exchange(true)) ++errors;  // Calls must not overlap.
    for (const Delivery& delivery : batch) {
      Lane& lane = lanes_[Index(delivery.priority)];
      if (!delivery.event) {
        lane.missed += delivery.missed;
        missed += delivery.missed;
        continue;
      }
      ++events;
      const EventFields& fields = delivery.event->fields();
      const int64_t number = std::stoll(fields.id);
      Seen& seen = lane.seen[fields.source];
      const int64_t skipped = number - seen.next;
      if (skipped < 0 && !any_order) ++errors;
      if (!any_start && skipped > 0 &&
          lane.missed - seen.missed_at_last < static_cast<uint64_t>(skipped)) {
        ++errors;
      }
      seen = {number + 1, lane.missed};
    }
    inside_.store(false);
    return pause_every > 0 && ++calls_ % pause_every == 0 ? SinkResult::kPause
                                                          : SinkResult::kContinue;
  }
  void OnClosed(const absl::Status&) override { ++closed; }

  int pause_every = 0;
  bool any_start = false;  // It did not see everything from the start.
  bool any_order = false;  // Numbers rise for each topic only.
  std::atomic<uint64_t> events{0}, missed{0};
  std::atomic<int> errors{0}, closed{0};

 private:
  struct Seen {
    int64_t next = 0;
    uint64_t missed_at_last = 0;
  };
  struct Lane {
    uint64_t missed = 0;
    std::map<std::string, Seen> seen;
  };
  std::array<Lane, kPriorityCount> lanes_;
  std::atomic<bool> inside_{false};
  int calls_ = 0;
};

class BusStress : public testing::TestWithParam<int> {
 protected:
  static constexpr int kEach = 4000;

  // Each publisher sends kEach events, a count for each priority; half through a shared Publisher.
  void PublishAll() {
    Publisher shared(bus_, "t.shared");
    std::vector<std::thread> threads;
    for (int p = 0; p < GetParam(); ++p) {
      threads.emplace_back([&, p] {
        std::array<int, kPriorityCount> next{};
        for (int i = 0; i < kEach; ++i) {
          const Priority priority = kPriorities[static_cast<size_t>(i / 3) % kPriorityCount];
          const int number = next[Index(priority)]++;
          const auto make = [&] {
            return Numbered(p % 2 == 0 ? "t.shared" : "t.own", p, number, priority);
          };
          routed_ += (p % 2 == 0 ? shared.Publish(priority, make) : bus_.Publish(make())).routed;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  uint64_t published() const { return static_cast<uint64_t>(GetParam()) * kEach; }
  // Until nothing waits and all that is in flight has arrived, or the sink was told that it is
  // over.
  static void WaitForAll(const CheckingSink& sink, uint64_t count, Subscription& subscription) {
    const MonoTime deadline = SystemClock().Monotonic() + absl::Seconds(60);
    while (sink.events.load() + sink.missed.load() < count && sink.closed.load() == 0) {
      ASSERT_LT(SystemClock().Monotonic(), deadline)
          << "lost " << count - sink.events - sink.missed << " of " << count << ", backlog "
          << subscription.Info().backlog_events;
      if (sink.pause_every > 0) subscription.Resume();
      std::this_thread::yield();
    }
  }

  std::atomic<uint64_t> routed_{0};  // As PublishAll() was told.
  SystemClock clock_;
  ThreadDrainExecutor executor_{2, clock_};
  Bus bus_{Bus::Options{}, executor_, clock_};
};

TEST_P(BusStress, AccountsForEveryEventAndKeepsOrderUnderEachPolicy) {
  std::array<CheckingSink, 4> sinks;
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (int i = 0; i < 4; ++i) {
    SubscribeOptions options = SubscribeTo({"t.*"});
    options.max_events = i < 2 ? 16 : 1 << 17;
    options.max_bytes = 256 << 20;
    options.max_batch = i % 2 == 0 ? 64 : 1;
    options.policy =
        i % 2 == 0 ? SlowSubscriberPolicy::kDropOldest : SlowSubscriberPolicy::kDropNewest;
    subscriptions.push_back(*bus_.Subscribe(options, sinks[static_cast<size_t>(i)]));
  }
  PublishAll();
  for (size_t i = 0; i < 4; ++i) {
    WaitForAll(sinks[i], published(), *subscriptions[i]);
    EXPECT_EQ(sinks[i].errors, 0);
    EXPECT_EQ(sinks[i].events + sinks[i].missed, published());
    const SubscriptionInfo info = subscriptions[i]->Info();
    EXPECT_EQ(info.delivered + info.dropped() + info.backlog_events, published());
    EXPECT_EQ(info.dropped(), sinks[i].missed);
    EXPECT_EQ(info.backlog_bytes, 0u);
    EXPECT_LE(info.backlog_events_max, i < 2 ? 16u : 1u << 17);
    EXPECT_TRUE(i < 2 || info.dropped() == 0) << info.dropped();
  }
  subscriptions.clear();
}

TEST_P(BusStress, LosesNothingWhenPublishersWait) {
  CheckingSink sink;
  SubscribeOptions options = SubscribeTo({"t.>"});
  options.max_events = 8;
  options.policy = SlowSubscriberPolicy::kBlock;
  options.block_budget = absl::Seconds(1);
  const auto subscription = *bus_.Subscribe(options, sink);
  PublishAll();
  WaitForAll(sink, published(), *subscription);
  // A machine that stalls for a second is allowed to disconnect it.
  if (sink.closed == 0) {
    EXPECT_EQ(sink.events, published());
  }
  EXPECT_EQ(sink.errors, 0);
}

TEST_P(BusStress, LosesNoWakeUpBetweenPauseAndResume) {
  CheckingSink sink;
  sink.pause_every = 1;
  SubscribeOptions options = SubscribeTo({"t.>"});
  options.max_events = 1 << 17;
  options.max_bytes = 256 << 20;
  options.max_batch = 8;
  const auto subscription = *bus_.Subscribe(options, sink);
  PublishAll();
  WaitForAll(sink, published(), *subscription);
  EXPECT_EQ(sink.errors, 0);
  EXPECT_EQ(sink.events, published());
}

// A sink that never returns from its pause takes nothing from others.
TEST_P(BusStress, AStalledSubscriberDisturbsNobody) {
  CheckingSink stalled;
  CheckingSink lively;
  stalled.pause_every = 1;
  SubscribeOptions options = SubscribeTo({"t.>"});
  options.max_events = 64;
  const auto one = *bus_.Subscribe(options, stalled);
  options.max_events = 1 << 17;
  options.max_bytes = 256 << 20;
  const auto other = *bus_.Subscribe(options, lively);
  PublishAll();
  WaitForAll(lively, published(), *other);
  EXPECT_EQ(lively.events, published());
  EXPECT_LE(stalled.events, 64u);
  // Its one drain may still be on its way from the backlog to the sink.
  const auto accounted = [&] {
    const SubscriptionInfo info = one->Info();
    return info.delivered + info.dropped() + info.backlog_events;
  };
  const MonoTime deadline = clock_.Monotonic() + absl::Seconds(60);
  while (accounted() != published() && clock_.Monotonic() < deadline) std::this_thread::yield();
  EXPECT_EQ(accounted(), published());
}

// Of each topic and publisher, numbers rise; remembers the last event of each topic.
class LatestSink final : public EventSink {
 public:
  SinkResult Deliver(absl::Span<const Delivery> batch) override {
    for (const Delivery& delivery : batch) {
      if (!delivery.event) {
        missed += delivery.missed;
        continue;
      }
      const EventFields& fields = delivery.event->fields();
      const int64_t number = std::stoll(fields.id);
      int64_t& next = next_[fields.topic + " " + fields.source];
      if (number < next) ++errors;
      next = number + 1;
      last[fields.topic] = number;
      ++events;
    }
    return SinkResult::kContinue;
  }
  void OnClosed(const absl::Status&) override { ++errors; }

  std::atomic<uint64_t> events{0}, missed{0};
  std::atomic<int> errors{0};
  std::map<std::string, int64_t> last;  // Read it when nothing is delivered.

 private:
  std::map<std::string, int64_t> next_;
};

// With room for every key, and with less.
TEST_P(BusStress, DeliversTheLatestOfEachKeyAndAccountsForWhatItReplaced) {
  constexpr int kKeys = 7;
  for (const size_t max_events : {size_t{1024}, size_t{4}}) {
    LatestSink sink;
    SubscribeOptions options = SubscribeTo({"k.>"});
    options.policy = SlowSubscriberPolicy::kConflate;
    options.max_events = max_events;
    auto subscription = *bus_.Subscribe(options, sink);
    std::vector<std::thread> threads;
    for (int p = 0; p < GetParam(); ++p) {
      threads.emplace_back([&, p] {
        for (int i = 0; i < kEach; ++i) {
          const std::string key = std::to_string(i % kKeys);
          const std::string topic =
              i % 2 == 0 ? "k.shared." + key : "k.own." + std::to_string(p) + "." + key;
          bus_.Publish(Numbered(topic, p, i, kPriorities[static_cast<size_t>(i / 5) % 4]));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    // What was dropped is told to the sink as missed, later than it is counted.
    const auto conflated = [&] {
      return subscription->Info().dropped_by_reason[static_cast<size_t>(DropReason::kConflated)];
    };
    const MonoTime deadline = clock_.Monotonic() + absl::Seconds(60);
    while (sink.events + sink.missed + conflated() != published() &&
           clock_.Monotonic() < deadline) {
      std::this_thread::yield();
    }
    const SubscriptionInfo info = subscription->Info();
    subscription->Close();
    EXPECT_EQ(sink.events + info.dropped(), published());
    EXPECT_EQ(sink.errors, 0);
    EXPECT_EQ(info.backlog_bytes, 0u);
    EXPECT_EQ(sink.missed + conflated(), info.dropped());
    if (max_events < kKeys) continue;
    EXPECT_EQ(info.dropped(), conflated());
    for (const auto& [topic, number] : sink.last) {
      EXPECT_GE(number, kEach - 2 * kKeys) << topic;  // Of some publisher, its last there.
    }
    EXPECT_EQ(sink.last.size(), static_cast<size_t>(kKeys * (1 + GetParam())));
  }
}

// Members come and go while events flow; one stays. Each event comes to one of them.
TEST_P(BusStress, GivesEachEventToOneMemberOfAGroupWhoeverLeaves) {
  SubscribeOptions options = SubscribeTo({"t.>"});
  options.group = "g";
  options.max_events = published();  // Room for all, with anybody.
  options.max_bytes = 256 << 20;
  options.max_batch = 4;
  constexpr size_t kStride = kEach + 4 * kPriorityCount;  // Some priorities have some more.
  std::vector<std::atomic<int>> came(static_cast<size_t>(GetParam()) * kStride);
  class NotingSink final : public EventSink {
   public:
    explicit NotingSink(std::vector<std::atomic<int>>& came) : came_(came) {}
    SinkResult Deliver(absl::Span<const Delivery> batch) override {
      for (const Delivery& delivery : batch) {
        if (!delivery.event) continue;
        const EventFields& fields = delivery.event->fields();
        const size_t publisher = std::stoul(fields.source);
        const size_t number = std::stoul(fields.id) * kPriorityCount + Index(fields.priority);
        came_[publisher * kStride + number].fetch_add(1, std::memory_order_relaxed);
      }
      return SinkResult::kContinue;
    }
    void OnClosed(const absl::Status&) override {}

   private:
    std::vector<std::atomic<int>>& came_;
  };
  NotingSink staying(came);
  auto stays = *bus_.Subscribe(options, staying);
  std::atomic<bool> done{false};
  std::vector<std::thread> members;
  for (int m = 0; m < 2; ++m) {
    members.emplace_back([&] {
      do {
        NotingSink sink(came);
        const auto subscription = *bus_.Subscribe(options, sink);
        for (int i = 0; i < 20; ++i) std::this_thread::yield();
      } while (!done.load());
    });
  }
  PublishAll();
  done.store(true);
  for (std::thread& thread : members) thread.join();
  const MonoTime deadline = clock_.Monotonic() + absl::Seconds(60);
  while (stays->Info().backlog_events > 0 && clock_.Monotonic() < deadline) {
    std::this_thread::yield();
  }
  stays->Close();
  uint64_t once = 0;
  for (const std::atomic<int>& count : came) once += count.load() == 1 ? 1 : 0;
  EXPECT_EQ(once, published());
  EXPECT_EQ(bus_.Stats().delivered, published());
}

// Subscriptions come and go while events flow; nothing is called after its end.
TEST_P(BusStress, EndsSubscriptionsWhileEventsFlow) {
  std::atomic<bool> done{false};
  std::atomic<int> rounds{0};
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::vector<std::thread> subscribers;
  for (uint64_t s = 0; s < 2; ++s) {
    subscribers.emplace_back([&, s] {
      std::mt19937_64 random(seed + s);
      do {  // Once at least: the publishers may be done before this thread begins.
        auto sink = std::make_unique<CheckingSink>();
        sink->any_start = true;
        SubscribeOptions options = SubscribeTo({random() % 2 == 0 ? "t.shared" : "t.*", "*.own"});
        options.max_events = 1 + random() % 32;
        options.policy = static_cast<SlowSubscriberPolicy>(random() % 5);
        options.block_budget = absl::Microseconds(100);
        sink->any_order = options.policy == SlowSubscriberPolicy::kConflate;
        auto subscription = *bus_.Subscribe(options, *sink);
        for (uint64_t i = random() % 50; i > 0; --i) std::this_thread::yield();
        subscription.reset();
        EXPECT_EQ(sink->errors, 0);
        sink.reset();  // ASan and TSan see whoever still calls it.
        rounds.fetch_add(1);
      } while (!done.load());
    });
  }
  PublishAll();
  done.store(true);
  for (std::thread& thread : subscribers) thread.join();
  EXPECT_GT(rounds.load(), 0);
  const BusStats stats = bus_.Stats();
  EXPECT_EQ(stats.subscriptions, 0u);
  uint64_t accounted = stats.delivered;
  for (const uint64_t dropped : stats.dropped_by_reason) accounted += dropped;
  EXPECT_EQ(accounted, routed_.load());
}

INSTANTIATE_TEST_SUITE_P(Publishers, BusStress, testing::Values(1, 2, 8));

}  // namespace
}  // namespace taskforge

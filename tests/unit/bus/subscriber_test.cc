#include "bus/subscriber.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/scoped_blocking.h"
#include "support/drain_executor.h"
#include "support/fake_clock.h"
#include "support/recording_sink.h"

namespace taskforge {
namespace {

using Got = std::vector<std::string>;

// Records, and then does what the test says.
class ActingSink final : public EventSink {
 public:
  SinkResult Deliver(absl::Span<const Delivery> batch) override {
    const SinkResult result = record.Deliver(batch);
    if (act) act();
    return result;
  }
  void OnClosed(const absl::Status& status) override { record.OnClosed(status); }

  RecordingSink record;
  std::function<void()> act;
};

// The real time, and how often it was asked for. Thread-safe.
class AskedClock final : public Clock {
 public:
  MonoTime Monotonic() const override {
    asked_.fetch_add(1);
    return system_.Monotonic();
  }
  absl::Time Now() const override { return system_.Now(); }
  int asked() const { return asked_.load(); }

 private:
  const SystemClock system_{};
  mutable std::atomic<int> asked_{0};
};

class SubscriberTest : public testing::Test {
 protected:
  ~SubscriberTest() override {
    if (subscriber_) subscriber_->Close();
  }
  void Make(SubscribeOptions options, DrainExecutor& executor, const Clock& clock) {
    options.filters = {">"};
    subscriber_ =
        MakeRef<Subscriber>(1, std::move(options), &sink_, nullptr, executor, clock, counters_);
  }
  void Make(SubscribeOptions options = {}) { Make(std::move(options), executor_, clock_); }
  Subscriber::Offered Offer(const std::string& id, Priority priority = Priority::kNormal) {
    EventRef event = EventOn("t", id, priority);
    const Subscriber::Offered offered = subscriber_->Offer(event.get());
    if (offered == Subscriber::Offered::kTaken) (void)event.Leak();
    return offered;
  }
  Subscriber::Offered OfferBlocking(const std::string& id) {
    EventRef event = EventOn("t", id);
    const Subscriber::Offered offered = subscriber_->OfferBlocking(event.get());
    if (offered == Subscriber::Offered::kTaken) (void)event.Leak();
    return offered;
  }

  FakeClock clock_;
  ManualDrainExecutor executor_{clock_};
  BusCounters counters_;
  ActingSink sink_;
  Ref<Subscriber> subscriber_;
};

TEST_F(SubscriberTest, SchedulesOneDrainAndAnotherOnlyForSomethingMoreUrgent) {
  Make();
  Offer("a");
  Offer("b");
  Offer("low", Priority::kLow);
  EXPECT_EQ(executor_.waiting(), 1u);
  Offer("urgent", Priority::kCritical);
  EXPECT_EQ(executor_.waiting(Priority::kNormal), 1u);
  EXPECT_EQ(executor_.waiting(Priority::kCritical), 1u);
  executor_.RunOne();
  EXPECT_EQ(sink_.record.got, (Got{"urgent"}));
  executor_.RunAll();
  EXPECT_EQ(sink_.record.got, (Got{"urgent", "a", "b", "low"}));
}

TEST_F(SubscriberTest, EndsADrainAfter64EventsAndSchedulesTheNext) {
  Make();
  for (int i = 0; i < 100; ++i) Offer(std::to_string(i));
  executor_.RunOne();
  EXPECT_EQ(sink_.record.got.size(), 64u);
  EXPECT_EQ(executor_.waiting(), 1u);
  executor_.RunAll();
  EXPECT_EQ(sink_.record.got.size(), 100u);
}

TEST_F(SubscriberTest, EndsADrainAfterHalfAMillisecond) {
  SubscribeOptions options;
  options.max_batch = 1;
  Make(options);
  sink_.act = [&] { clock_.Advance(absl::Microseconds(200)); };
  for (int i = 0; i < 10; ++i) Offer(std::to_string(i));
  executor_.RunOne();
  EXPECT_EQ(sink_.record.got.size(), 3u);
}

TEST_F(SubscriberTest, TakesAResumeThatComesBeforeThePause) {
  Make();
  sink_.record.pauses = true;
  sink_.act = [&] {
    if (sink_.record.calls == 1) subscriber_->Resume();
  };
  Offer("a");
  executor_.RunAll();
  Offer("b");
  executor_.RunAll();
  Offer("c");
  executor_.RunAll();
  EXPECT_EQ(sink_.record.got, (Got{"a", "b"}));
}

TEST_F(SubscriberTest, DisconnectsWhoDoesNotMakeRoomWithinTheBudget) {
  SubscribeOptions options;
  options.policy = SlowSubscriberPolicy::kBlock;
  options.max_events = 1;
  options.block_budget = absl::Milliseconds(1);
  const SystemClock clock;
  Make(options, executor_, clock);
  EXPECT_EQ(Offer("a"), Subscriber::Offered::kTaken);
  EXPECT_EQ(Offer("b"), Subscriber::Offered::kWouldBlock);
  EXPECT_EQ(OfferBlocking("b"), Subscriber::Offered::kClosed);
  executor_.RunAll();
  EXPECT_EQ(sink_.record.closed.size(), 1u);
  EXPECT_TRUE(sink_.record.got.empty());
}

TEST_F(SubscriberTest, LetsAPublisherGoOnAsSoonAsThereIsRoom) {
  SubscribeOptions options;
  options.policy = SlowSubscriberPolicy::kBlock;
  options.max_events = 1;
  options.block_budget = absl::Minutes(1);
  const AskedClock clock;
  Make(options, executor_, clock);
  Offer("a");
  const MonoTime start = clock.Monotonic();
  const int before = clock.asked();
  std::atomic<bool> taken{false};
  std::thread publisher([&] { taken = OfferBlocking("b") == Subscriber::Offered::kTaken; });
  // It asks when its time will be over, and whether it is before it sleeps.
  while (clock.asked() < before + 2) std::this_thread::yield();
  executor_.RunAll();
  publisher.join();
  executor_.RunAll();
  EXPECT_TRUE(taken.load());
  EXPECT_LT(clock.Monotonic() - start, absl::ToInt64Nanoseconds(absl::Seconds(30)));
  EXPECT_EQ(sink_.record.got, (Got{"a", "b"}));
}

TEST_F(SubscriberTest, DoesNotWaitForItself) {
  SubscribeOptions options;
  options.policy = SlowSubscriberPolicy::kBlock;
  options.max_events = 1;
  options.block_budget = absl::Minutes(1);
  const SystemClock clock;
  Make(options, executor_, clock);
  auto offered = Subscriber::Offered::kTaken;
  sink_.act = [&] {
    Offer("b");
    offered = OfferBlocking("c");
  };
  Offer("a");
  const MonoTime start = clock.Monotonic();
  executor_.RunAll();
  EXPECT_EQ(offered, Subscriber::Offered::kClosed);
  EXPECT_LT(clock.Monotonic() - start, absl::ToInt64Nanoseconds(absl::Seconds(30)));
  EXPECT_EQ(sink_.record.closed.size(), 1u);
}

// A gRPC polling thread or the timer's: the subscriber's own delivery may need it.
TEST_F(SubscriberTest, KeepsNoThreadWaitingThatMustNotWait) {
  SubscribeOptions options;
  options.policy = SlowSubscriberPolicy::kBlock;
  options.max_events = 1;
  options.block_budget = absl::Hours(1);
  const SystemClock clock;
  Make(options, executor_, clock);
  Offer("a");
  const NonBlockingThread non_blocking;
  EXPECT_EQ(OfferBlocking("b"), Subscriber::Offered::kClosed);
  executor_.RunAll();
  EXPECT_EQ(sink_.record.closed.size(), 1u);
}

// So that the pool adds a thread, which the subscriber's delivery may need.
TEST_F(SubscriberTest, SaysThatAPublisherIsBlocked) {
  struct Observer : BlockingObserver {
    void OnBlocked() override { blocked.Notify(); }
    void OnUnblocked() override {}
    Notification blocked;
  };
  SubscribeOptions options;
  options.policy = SlowSubscriberPolicy::kBlock;
  options.max_events = 1;
  options.block_budget = absl::Hours(1);
  const SystemClock clock;
  Make(options, executor_, clock);
  Offer("a");
  Observer observer;
  std::atomic<bool> taken{false};
  std::thread publisher([&] {
    ScopedBlocking::Observe(&observer);
    taken = OfferBlocking("b") == Subscriber::Offered::kTaken;
    ScopedBlocking::Observe(nullptr);
  });
  EXPECT_TRUE(observer.blocked.WaitFor(absl::Seconds(60)));
  executor_.RunAll();
  publisher.join();
  EXPECT_TRUE(taken.load());
}

TEST_F(SubscriberTest, WaitsInCloseForARunningCall) {
  const SystemClock clock;
  Notification entered;
  Notification leave;
  std::atomic<bool> left{false};
  ThreadDrainExecutor executor(1, clock);
  Make({}, executor, clock);
  sink_.act = [&] {
    entered.Notify();
    leave.Wait();
    left = true;
  };
  Offer("a");
  entered.Wait();
  std::thread helper([&] { leave.Notify(); });
  subscriber_->Close();
  EXPECT_TRUE(left.load());
  helper.join();
}

TEST_F(SubscriberTest, MayBeClosedFromItsOwnSink) {
  Make();
  sink_.act = [&] { subscriber_->Close(); };
  for (int i = 0; i < 100; ++i) Offer(std::to_string(i));
  executor_.RunAll();
  EXPECT_EQ(sink_.record.calls, 1);
  EXPECT_EQ(subscriber_->Info().backlog_events, 0u);
  EXPECT_EQ(subscriber_->Info().delivered + subscriber_->Info().dropped(), 100u);
}

TEST_F(SubscriberTest, OutlivesItsOwnerWhileADrainIsScheduled) {
  Make();
  Offer("a");
  subscriber_->Close();
  subscriber_ = nullptr;
  EXPECT_EQ(executor_.RunAll(), 1u);
  EXPECT_TRUE(sink_.record.got.empty());
}

}  // namespace
}  // namespace taskforge

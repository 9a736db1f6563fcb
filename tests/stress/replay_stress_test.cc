// Publishers publish while subscribers come, go and come back where they were: each gets every
// event of a publisher and priority once and in order, or is told that it is gone. At 1, 2 and 8
// publishers; a failure prints its seed.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
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

// Of all publishers together: fewer than the log remembers when they are gone.
constexpr int kEvents = 7200;
static_assert(kEvents < ReplayLog::kMostRemembered);

// What a client has handled, in all of its subscriptions one after the other.
struct Handled {
  struct Lane {
    std::vector<int64_t> next;  // By publisher.
    uint64_t events = 0;
    uint64_t missed = 0;
    uint64_t skipped = 0;  // By the numbers of the events.
  };
  explicit Handled(size_t publishers) {
    for (Lane& lane : lanes) lane.next.resize(publishers);
  }
  uint64_t Sum(uint64_t Lane::*count) const {
    uint64_t sum = 0;
    for (const Lane& lane : lanes) sum += lane.*count;
    return sum;
  }

  std::array<Lane, kPriorityCount> lanes;
  ReplayPosition position;
  std::string error;
};

// One subscription of such a client: handles `most` events, then nothing any more, as one whose
// connection breaks.
class ClientSink final : public EventSink {
 public:
  ClientSink(Handled& handled, uint64_t most, bool pauses)
      : handled_(handled), left_(most), pauses_(pauses) {}

  SinkResult Deliver(absl::Span<const Delivery> batch) override {
    for (const Delivery& delivery : batch) {
      if (left_ == 0) break;
      Handle(delivery);
      if (delivery.event) --left_;
    }
    handled.store(handled_.Sum(&Handled::Lane::events) + handled_.Sum(&Handled::Lane::missed));
    if (left_ == 0) is_over.store(true);
    return pauses_ ? SinkResult::kPause : SinkResult::kContinue;
  }
  void OnClosed(const absl::Status&) override {
    is_disconnected.store(true);
    is_over.store(true);
  }

  std::atomic<uint64_t> handled{0};
  std::atomic<bool> is_over{false};
  std::atomic<bool> is_disconnected{false};

 private:
  void Handle(const Delivery& delivery) {
    Handled::Lane& lane = handled_.lanes[Index(delivery.priority)];
    uint64_t& through = handled_.position.through[Index(delivery.priority)];
    if (delivery.position > 0 && delivery.position < through) handled_.error = "positions fall";
    if (delivery.position > 0) through = delivery.position;
    lane.missed += delivery.missed;
    if (delivery.at_least) handled_.error = "does not know how much is gone";
    if (!delivery.event) return;
    const EventFields& fields = delivery.event->fields();
    if (fields.topic[0] == 'l') return;  // Not retained.
    const int64_t number = std::stoll(fields.id);
    int64_t& next = lane.next[std::stoull(fields.source)];
    if (number < next) handled_.error = "comes twice, or late: " + fields.source + "/" + fields.id;
    lane.skipped += static_cast<uint64_t>(std::max<int64_t>(number - next, 0));
    next = number + 1;
    ++lane.events;
  }

  Handled& handled_;
  uint64_t left_;
  const bool pauses_;
};

class ReplayStress : public testing::TestWithParam<int> {
 protected:
  size_t publishers() const { return static_cast<size_t>(GetParam()); }
  int each() const { return kEvents / GetParam(); }
  uint64_t published() const { return kEvents; }

  static Bus::Options Retain(size_t max_events, size_t max_bytes) {
    Bus::Options options;
    options.replay.filters = {"r.>"};
    options.replay.max_events = max_events;
    options.replay.max_bytes = max_bytes;
    return options;
  }

  // Each publisher numbers its events for each priority by itself, over some topics of which one is
  // a Publisher that all share; now and then one that is not retained.
  void PublishAll(Bus& bus, uint64_t seed) {
    Publisher shared(bus, "r.shared");
    std::vector<std::thread> threads;
    for (size_t p = 0; p < publishers(); ++p) {
      threads.emplace_back([&, p] {
        std::mt19937_64 random(seed * 100 + p);
        std::array<int, kPriorityCount> next{};
        for (int i = 0; i < each(); ++i) {
          const Priority priority = kPriorities[random() % kPriorityCount];
          const int number = next[Index(priority)]++;
          const uint64_t topic = random() % 4;
          if (topic == 0) {
            shared.Publish(priority, [&] { return Numbered("r.shared", p, number, priority); });
          } else {
            bus.Publish(Numbered("r." + std::to_string(topic), p, number, priority));
          }
          if (random() % 16 == 0) bus.Publish(Numbered("l.x", p, 0, priority));
          if (random() % 64 == 0) std::this_thread::yield();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  // A client that begins where `options` say and comes back, behind what it has handled, until it
  // has everything.
  void Come(Bus& bus, SubscribeOptions options, Handled& handled, uint64_t seed) const {
    std::mt19937_64 random(seed);
    const MonoTime deadline = clock_.Monotonic() + absl::Seconds(120);
    for (bool has_all = false; !has_all && handled.error.empty();) {
      options.max_batch = random() % 64 + 1;
      const bool pauses = random() % 2 == 0;
      const uint64_t most = random() % 8 == 0 ? UINT64_MAX : random() % 400 + 1;
      ClientSink sink(handled, most, pauses);
      auto subscription = bus.Subscribe(options, sink);
      ASSERT_TRUE(subscription.ok()) << subscription.status();
      while (!sink.is_over.load() && sink.handled.load() < published()) {
        if (pauses) (*subscription)->Resume();
        std::this_thread::yield();
        if (clock_.Monotonic() > deadline) {
          ADD_FAILURE() << "does not come to the end";
          return;
        }
      }
      (*subscription)->Close();
      has_all = sink.handled.load() >= published();
      options.start = {SubscribeStart::At::kPosition, 0, handled.position};
    }
  }

  // Publishers, and clients of each kind of options beside them.
  void Run(Bus& bus, const std::vector<SubscribeOptions>& kinds, std::vector<Handled>& handled,
           uint64_t seed) {
    std::vector<std::thread> clients;
    handled.assign(kinds.size(), Handled(publishers()));
    for (size_t i = 0; i < kinds.size(); ++i) {
      clients.emplace_back([&, i] { Come(bus, kinds[i], handled[i], seed * 1000 + i); });
    }
    PublishAll(bus, seed);
    for (std::thread& client : clients) client.join();
  }

  SystemClock clock_;
  ThreadDrainExecutor executor_{2, clock_};
};

// With room; with hardly any, so that it is disconnected, and comes back; with publishers that wait
// for it.
std::vector<SubscribeOptions> LosslessKinds() {
  std::vector<SubscribeOptions> kinds;
  for (const auto& [policy, max_events] : std::vector<std::pair<SlowSubscriberPolicy, size_t>>{
           {SlowSubscriberPolicy::kDropOldest, 1 << 16},
           {SlowSubscriberPolicy::kDisconnect, 1 << 16},
           {SlowSubscriberPolicy::kDisconnect, 8},
           {SlowSubscriberPolicy::kDisconnect, 4},
           {SlowSubscriberPolicy::kDisconnect, 2},
           {SlowSubscriberPolicy::kBlock, 4}}) {
    SubscribeOptions options = SubscribeTo({"r.>", "l.>"});
    options.policy = policy;
    options.max_events = max_events;
    options.max_bytes = 256 << 20;
    options.start.at = SubscribeStart::At::kEarliest;
    kinds.push_back(options);
  }
  return kinds;
}

TEST_P(ReplayStress, EveryEventComesOnceAndInOrderWhoeverComesAndGoes) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Bus bus(Retain(1 << 20, size_t{1} << 30), executor_, clock_);
    std::vector<Handled> handled;
    Run(bus, LosslessKinds(), handled, seed);
    for (size_t i = 0; i < handled.size(); ++i) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", kind " << i);
      EXPECT_EQ(handled[i].error, "");
      EXPECT_EQ(handled[i].Sum(&Handled::Lane::events), published());
      EXPECT_EQ(handled[i].Sum(&Handled::Lane::skipped), 0u);
      EXPECT_EQ(handled[i].Sum(&Handled::Lane::missed), 0u);
    }
  }
}

// Of each topic a few events only: whoever is away too long, or reads too slowly, is told how many
// it lost, exactly.
TEST_P(ReplayStress, WhatIsGoneIsCounted) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Bus bus(Retain(64, size_t{1} << 30), executor_, clock_);
    std::vector<Handled> handled;
    std::vector<SubscribeOptions> kinds = LosslessKinds();
    // From the position before the first event, so that all of them are theirs.
    for (SubscribeOptions& options : kinds) options.start.at = SubscribeStart::At::kPosition;
    Run(bus, kinds, handled, seed);
    for (size_t i = 0; i < handled.size(); ++i) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", kind " << i);
      EXPECT_EQ(handled[i].error, "");
      EXPECT_EQ(handled[i].Sum(&Handled::Lane::events) + handled[i].Sum(&Handled::Lane::missed),
                published());
      for (const Handled::Lane& lane : handled[i].lanes) EXPECT_LE(lane.skipped, lane.missed);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Publishers, ReplayStress, testing::Values(1, 2, 8));

}  // namespace
}  // namespace taskforge

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bus/bars.h"
#include "bus/publisher.h"
#include "bus/rig.h"

namespace taskforge::bench {
namespace {

constexpr int kPublishers = 2;
constexpr int kSubscribers = 3;
const char kTopic[] = "orders.eu.paid";

struct Policy {
  const char* name;
  SlowSubscriberPolicy policy;
};
constexpr std::array<Policy, 5> kPolicies = {{{"drop_oldest", SlowSubscriberPolicy::kDropOldest},
                                              {"drop_newest", SlowSubscriberPolicy::kDropNewest},
                                              {"block", SlowSubscriberPolicy::kBlock},
                                              {"disconnect", SlowSubscriberPolicy::kDisconnect},
                                              {"conflate", SlowSubscriberPolicy::kConflate}}};

// Takes its time for each event, or stops at once, as a stream does whose client reads no more.
class SlowSink final : public EventSink {
 public:
  SlowSink(const Clock& clock, int64_t event_ns, bool stalls)
      : clock_(clock), event_ns_(event_ns), stalls_(stalls) {}

  SinkResult Deliver(absl::Span<const Delivery> batch) override {
    for (const Delivery& delivery : batch) {
      const MonoTime until{clock_.Monotonic().ns + event_ns_};
      while (event_ns_ > 0 && clock_.Monotonic() < until) {
      }
      if (delivery.event) events.fetch_add(1, std::memory_order_relaxed);
    }
    return stalls_ ? SinkResult::kPause : SinkResult::kContinue;
  }
  void OnClosed(const absl::Status&) override {}

  std::atomic<uint64_t> events{0};

 private:
  const Clock& clock_;
  const int64_t event_ns_;
  const bool stalls_;
};

struct Account {
  uint64_t published = 0;
  uint64_t routed = 0;
  uint64_t delivered = 0;  // As the sinks counted.
  uint64_t dropped = 0;

  uint64_t missing() const { return routed - delivered - dropped; }
};

uint64_t PublishAll(Rig& rig, int events) {
  Publisher publisher(rig.bus(), kTopic);
  std::atomic<uint64_t> routed{0};
  std::vector<std::thread> threads;
  for (int p = 0; p < kPublishers; ++p) {
    threads.emplace_back([&] {
      uint64_t mine = 0;
      for (int i = 0; i < events; ++i) {
        mine += publisher
                    .Publish(Priority::kNormal,
                             [&] { return ClientEvent(publisher.topic(), rig.clock().Now()); })
                    .routed;
      }
      routed.fetch_add(mine);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return routed.load();
}

// A fast, a slow and, unless publishers wait for it, a stalled subscriber.
Account Run(SlowSubscriberPolicy policy, int events) {
  Rig rig;
  std::vector<std::unique_ptr<SlowSink>> sinks;
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (int i = 0; i < kSubscribers; ++i) {
    const bool stalls = i == 2 && policy != SlowSubscriberPolicy::kBlock;
    sinks.push_back(std::make_unique<SlowSink>(rig.clock(), i == 1 ? 2000 : 0, stalls));
    SubscribeOptions options;
    options.filters = {"orders.*.paid"};
    options.policy = policy;
    options.block_budget = absl::Seconds(1);
    options.max_events = 256;
    subscriptions.push_back(*rig.bus().Subscribe(options, *sinks.back()));
  }
  Account account;
  account.published = static_cast<uint64_t>(kPublishers) * static_cast<uint64_t>(events);
  account.routed = PublishAll(rig, events);
  // What lives on delivers what waits.
  for (const auto& subscription : {subscriptions[0].get(), subscriptions[1].get()}) {
    while (subscription->Info().backlog_events > 0) std::this_thread::yield();
  }
  subscriptions.clear();  // Waits for the last calls; what still waits counts as dropped.
  for (const auto& sink : sinks) account.delivered += sink->events.load();
  for (const uint64_t dropped : rig.bus().Stats().dropped_by_reason) account.dropped += dropped;
  return account;
}

}  // namespace

bool CheckAccounts(const Options& options) {
  const int events = options.Count(100'000, 30'000);
  bool is_all_there = true;
  for (const Policy& policy : kPolicies) {
    const Account account = Run(policy.policy, events);
    const bool ends_subscriptions = policy.policy == SlowSubscriberPolicy::kDisconnect;
    const uint64_t wanted = ends_subscriptions ? account.routed : account.published * kSubscribers;
    std::printf("figure unaccounted_%s %lld events  (%llu delivered, %llu dropped)\n", policy.name,
                static_cast<long long>(account.missing()),
                static_cast<unsigned long long>(account.delivered),
                static_cast<unsigned long long>(account.dropped));
    is_all_there &= account.missing() == 0 && account.routed == wanted;
    if (policy.policy == SlowSubscriberPolicy::kBlock) {
      std::printf("figure lost_block %llu events\n",
                  static_cast<unsigned long long>(account.dropped));
      is_all_there &= account.dropped == 0;
    }
  }
  std::fflush(stdout);
  return is_all_there;
}

}  // namespace taskforge::bench

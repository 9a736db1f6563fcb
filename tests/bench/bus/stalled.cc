#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/histogram.h"
#include "bus/bars.h"
#include "bus/publisher.h"
#include "bus/rig.h"

namespace taskforge::bench {
namespace {

constexpr int kSubscribers = 100;
constexpr int64_t kPeriodNs = 1'000'000;
const char kTopic[] = "orders.eu.paid";

// Notes how late each event comes; or stops at once, as a stream does whose client reads no more.
class TimingSink final : public EventSink {
 public:
  TimingSink(const Clock& clock, bool stalls) : clock_(clock), stalls_(stalls) {}

  SinkResult Deliver(absl::Span<const Delivery> batch) override {
    if (stalls_) return SinkResult::kPause;
    const MonoTime now = clock_.Monotonic();
    for (const Delivery& delivery : batch) {
      if (delivery.event) late_ns_.push_back(now - delivery.event->published());
    }
    return SinkResult::kContinue;
  }
  void OnClosed(const absl::Status&) override {}

  // REQUIRES: its subscription is closed.
  void AddTo(std::vector<double>& all) const {
    all.insert(all.end(), late_ns_.begin(), late_ns_.end());
  }

 private:
  const Clock& clock_;
  const bool stalls_;
  std::vector<int64_t> late_ns_;
};

void SleepUntil(int64_t ns) {
  const timespec until = {ns / 1'000'000'000, ns % 1'000'000'000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
}

// The 99th percentile of how late events reach the first 99 subscribers, in microseconds.
double OthersP99Us(bool one_stalls, int events) {
  Rig rig;
  std::vector<std::unique_ptr<TimingSink>> sinks;
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (int i = 0; i < kSubscribers; ++i) {
    const bool stalls = one_stalls && i == kSubscribers / 2;
    sinks.push_back(std::make_unique<TimingSink>(rig.clock(), stalls));
    SubscribeOptions options;
    options.filters = {"orders.*.paid"};
    options.max_events = 16;  // The stalled one's rings are soon full.
    subscriptions.push_back(*rig.bus().Subscribe(options, *sinks.back()));
  }
  Publisher publisher(rig.bus(), kTopic);
  int64_t next = rig.clock().Monotonic().ns;
  for (int i = 0; i < events; ++i) {
    SleepUntil(next += kPeriodNs);
    publisher.Publish(Priority::kNormal,
                      [&] { return ClientEvent(publisher.topic(), rig.clock().Now()); });
  }
  while (rig.bus().Stats().delivered < static_cast<uint64_t>(kSubscribers - 1) * events / 2) {
    std::this_thread::yield();
  }
  subscriptions.clear();
  std::vector<double> late;
  for (int i = 0; i < kSubscribers; ++i) {
    if (i != kSubscribers / 2) sinks[static_cast<size_t>(i)]->AddTo(late);
  }
  return QuantileOf(std::move(late), 0.99) / 1e3;
}

}  // namespace

void MeasureStalled(const Options& options) {
  const int events = options.Count(1000, 300);
  std::vector<double> calm;
  std::vector<double> stalled;
  std::vector<double> ratios;
  OthersP99Us(false, events);
  for (int round = 0; round < options.rounds; ++round) {
    calm.push_back(OthersP99Us(false, events));
    stalled.push_back(OthersP99Us(true, events));
    ratios.push_back(stalled.back() / calm.back());
  }
  PrintCost("p99_of_100_subscribers", calm, "us");
  PrintCost("p99_of_99_beside_a_stalled_one", stalled, "us");
  PrintCostRatio("p99_beside_a_stalled_one", ratios);
}

}  // namespace taskforge::bench

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bus/bars.h"
#include "bus/publisher.h"
#include "bus/rig.h"

namespace taskforge::bench {
namespace {

// So that nothing is dropped: fewer than a subscription holds.
constexpr size_t kBurst = 2000;
// The further subscribers: both in a crowd, so that the pool's threads are awake in both.
constexpr int kSome = 5;
constexpr int kMany = 21;

const char kTopic[] = "task.default.succeeded.echo";

// Nanoseconds of the publishing thread for each publish, while the pool delivers. What is published
// was made before, or is made then (Making::kThen): of records of which the pool's threads have
// just let go, so that each comes back from another processor first.
enum class Making { kBefore, kThen };
double PublishNs(int subscribers, int events, Making making = Making::kBefore) {
  Rig rig;
  std::atomic<int64_t> delivered{0};
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (int i = 0; i < subscribers; ++i) {
    SubscribeOptions subscribe;
    subscribe.filters = {"task.*.succeeded.>"};
    subscriptions.push_back(*rig.bus().Subscribe(
        subscribe, [&](const Event&) { delivered.fetch_add(1, std::memory_order_relaxed); }));
  }
  const std::vector<TaskRecordPtr> records = FinishedTasks();
  Publisher publisher(rig.bus(), kTopic);
  const auto make = [&](size_t i) {
    return MakeTaskEvent(publisher.topic(), records[i % records.size()]);
  };
  std::vector<EventRef> made(making == Making::kBefore ? kBurst : 0);
  double seconds = 0;
  int64_t published = 0;
  while (published < events) {
    for (size_t i = 0; i < made.size(); ++i) made[i] = make(i);
    const double begin = ThreadCpuSeconds();
    for (size_t i = 0; i < kBurst; ++i) {
      publisher.Publish(Priority::kNormal,
                        [&] { return making == Making::kBefore ? std::move(made[i]) : make(i); });
    }
    seconds += ThreadCpuSeconds() - begin;
    published += int64_t{kBurst};
    while (delivered.load(std::memory_order_relaxed) < published * subscribers) {
      std::this_thread::yield();
    }
  }
  return seconds / static_cast<double>(published) * 1e9;
}

double MakeEventNs(int count) {
  const std::vector<TaskRecordPtr> records = FinishedTasks();
  const double begin = ThreadCpuSeconds();
  for (int i = 0; i < count; ++i) {
    MakeTaskEvent(kTopic, records[static_cast<size_t>(i) % records.size()]);
  }
  return (ThreadCpuSeconds() - begin) / count * 1e9;
}

}  // namespace

void MeasurePublish(const Options& options) {
  const int events = options.Count(200'000, 50'000);
  std::vector<double> make;
  std::vector<double> none;
  std::vector<double> one;
  std::vector<double> one_made;
  std::vector<double> further;
  PublishNs(1, events);  // Warms up.
  for (int round = 0; round < options.rounds; ++round) {
    make.push_back(MakeEventNs(events));
    none.push_back(PublishNs(0, events));
    one.push_back(PublishNs(1, events));
    one_made.push_back(PublishNs(1, events, Making::kThen));
    further.push_back((PublishNs(kMany, events) - PublishNs(kSome, events)) / (kMany - kSome));
  }
  PrintCost("make_and_free_event", make, "ns");
  PrintCost("publish_0_subscribers", none, "ns");
  PrintCost("publish_1_subscriber", one, "ns");
  PrintCost("make_and_publish_1_subscriber", one_made, "ns");
  PrintCost("publish_each_further_subscriber", further, "ns");
}

}  // namespace taskforge::bench

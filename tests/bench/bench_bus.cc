// What the bus costs, one measure after another (bus/bars.h), and what it keeps: fails if an event
// is not accounted for. Then the bus against the textbook's: a mutex over a map of subscribers, a
// queue, a dispatching thread; one publisher, 1 and 16 subscribers to one topic; an event counts
// when every subscriber has it.
//   bench_bus [--quick|--smoke]
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bus/bars.h"
#include "bus/bus.h"
#include "bus/rig.h"
#include "harness.h"

namespace taskforge::bench {
namespace {

class MutexBus {
 public:
  using Handler = std::function<void(const std::string&)>;
  MutexBus() : thread_([this] { Loop(); }) {}
  ~MutexBus() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void Subscribe(const std::string& topic, Handler handler) {
    std::lock_guard<std::mutex> lock(mutex_);
    handlers_[topic].push_back(std::move(handler));
  }
  void Publish(const std::string& topic, std::string data) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      queue_.emplace_back(topic, std::move(data));
    }
    changed_.notify_one();
  }

 private:
  void Loop() {
    while (true) {
      std::pair<std::string, std::string> message;
      std::vector<Handler> handlers;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        message = std::move(queue_.front());
        queue_.pop_front();
        handlers = handlers_[message.first];  // A copy: handlers run without the lock.
      }
      for (const Handler& handler : handlers) handler(message.second);
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<Handler>> handlers_;
  std::deque<std::pair<std::string, std::string>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

Sample Ours(int subscribers, int events) {
  Rig rig;
  std::atomic<int64_t> delivered{0};
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (int i = 0; i < subscribers; ++i) {
    SubscribeOptions subscribe;
    subscribe.filters = {"orders.*.paid"};
    subscribe.policy = SlowSubscriberPolicy::kBlock;
    subscribe.block_budget = absl::Seconds(1);
    subscriptions.push_back(*rig.bus().Subscribe(
        subscribe, [&](const Event&) { delivered.fetch_add(1, std::memory_order_relaxed); }));
  }
  const double cpu = ProcessCpuSeconds();
  const double begin = WallSeconds();
  for (int i = 0; i < events; ++i) {
    EventFields fields;
    fields.topic = "orders.eu.paid";
    fields.data.data = "128 bytes would be the same";
    rig.bus().Publish(MakeEvent(std::move(fields)));
  }
  while (delivered.load(std::memory_order_relaxed) < int64_t{subscribers} * events) {
    std::this_thread::yield();
  }
  return {static_cast<double>(events), WallSeconds() - begin, ProcessCpuSeconds() - cpu};
}

Sample Theirs(int subscribers, int events) {
  MutexBus bus;
  std::atomic<int64_t> delivered{0};
  for (int i = 0; i < subscribers; ++i) {
    bus.Subscribe("orders.eu.paid",
                  [&](const std::string&) { delivered.fetch_add(1, std::memory_order_relaxed); });
  }
  const double cpu = ProcessCpuSeconds();
  const double begin = WallSeconds();
  for (int i = 0; i < events; ++i) bus.Publish("orders.eu.paid", "128 bytes would be the same");
  while (delivered.load(std::memory_order_relaxed) < int64_t{subscribers} * events) {
    std::this_thread::yield();
  }
  return {static_cast<double>(events), WallSeconds() - begin, ProcessCpuSeconds() - cpu};
}

int Main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  MeasureFloors(options);
  MeasurePublish(options);
  MeasureResolve(options);
  MeasureStalled(options);
  const bool is_all_there = CheckAccounts(options);
  const int events = options.Count(200'000, 50'000);
  for (const int subscribers : {1, 16}) {
    const auto samples = RunInterleaved(
        std::to_string(subscribers) + " subscribers", options.rounds,
        {{"taskforge (wildcards, order, bounds)", [&] { return Ours(subscribers, events); }},
         {"mutex bus (exact topics)", [&] { return Theirs(subscribers, events); }}});
    PrintRatio("bus_publish_" + std::to_string(subscribers) + "_vs_mutex_bus", samples[0],
               samples[1]);
  }
  return is_all_there ? 0 : 1;
}

}  // namespace
}  // namespace taskforge::bench

int main(int argc, char** argv) { return taskforge::bench::Main(argc, argv); }

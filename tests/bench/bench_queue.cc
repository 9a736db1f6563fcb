// What is in service/sync against what people would use otherwise: queues of 8-byte elements with
// as many consumers as producers, then the readers-writer lock, the cache, and results of work.
//   bench_queue [--quick|--smoke]
#include <sched.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "harness.h"
#include "queue/peers.h"
#include "queue/suite.h"

namespace taskforge::bench {

void Expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "wrong result: %s\n", what);
  std::exit(1);
}

void PrintLowRatios(const std::string& name, const std::vector<Contender>& contenders,
                    const std::vector<std::vector<Sample>>& samples) {
  for (size_t peer = 1; peer < contenders.size(); ++peer) {
    std::vector<double> ratios;
    for (size_t round = 0; round < samples[0].size(); ++round) {
      ratios.push_back(samples[0][round].rate() / samples[peer][round].rate());
    }
    const Quartiles quartiles = QuartilesOf(ratios);
    std::printf("ratio %s_vs_%s %.2f  (median %.2f)\n", name.c_str(), contenders[peer].name.c_str(),
                quartiles.low, quartiles.median);
  }
  std::fflush(stdout);
}

const std::vector<int>& AllowedProcessors() {
  static const std::vector<int> allowed = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    Expect(sched_getaffinity(0, sizeof set, &set) == 0, "the processors cannot be read");
    std::vector<int> found;
    for (int i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &set)) found.push_back(i);
    }
    return found;
  }();
  return allowed;
}

void StayOn(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  Expect(sched_setaffinity(0, sizeof set, &set) == 0, "a thread cannot be bound to a processor");
}

Sample RunTogether(int threads, double items, const std::function<void(int)>& work) {
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  const std::vector<int>& processors = AllowedProcessors();
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i) {
    all.emplace_back([&, i] {
      StayOn(processors[static_cast<size_t>(i) % processors.size()]);
      ready.fetch_add(1);
      while (!go.load()) std::this_thread::yield();
      work(i);
    });
  }
  while (ready.load() < threads) std::this_thread::yield();
  const double cpu = ProcessCpuSeconds();
  const double begin = WallSeconds();
  go.store(true);
  for (std::thread& thread : all) thread.join();
  return {items, WallSeconds() - begin, ProcessCpuSeconds() - cpu};
}

namespace {

// `pairs` producers and as many consumers, who each have the same share of `items`. Whoever finds
// no room, or nothing, lets others run.
template <typename Queue>
Sample PassOn(int pairs, int items) {
  Queue queue;
  const auto share = static_cast<uint64_t>(items / pairs);
  std::atomic<uint64_t> pushed{0};
  std::atomic<uint64_t> popped{0};
  const Sample sample = RunTogether(2 * pairs, items, [&](int i) {
    uint64_t sum = 0;
    if (i < pairs) {
      for (uint64_t n = 1; n <= share; ++n) {
        const uint64_t value = static_cast<uint64_t>(i) * share + n;
        while (!queue.TryPush(value)) std::this_thread::yield();
        sum += value;
      }
      pushed.fetch_add(sum);
    } else {
      for (uint64_t n = 0; n < share; ++n) {
        uint64_t value = 0;
        while (!queue.TryPop(value)) std::this_thread::yield();
        sum += value;
      }
      popped.fetch_add(sum);
    }
  });
  Expect(pushed.load() == popped.load(), "what came out of a queue is not what went in");
  return sample;
}

template <typename Queue>
Contender Passing(const char* name, int pairs, int items) {
  return {name, [pairs, items] { return PassOn<Queue>(pairs, items); }};
}

void Compare(const std::string& title, const std::string& name, const Options& options,
             const std::vector<Contender>& contenders) {
  PrintLowRatios(name, contenders, RunInterleaved(title, options.rounds, contenders));
}

void MeasureQueues(const Options& options) {
  const int items = options.Count(400'000, 100'000);
  for (const int pairs : {1, 2, 4}) {
    const std::string shape = std::to_string(pairs) + "p" + std::to_string(pairs) + "c";
    Compare("bounded queues, " + shape, pairs == 2 ? "queue" : "queue_" + shape, options,
            {Passing<OurRing>("taskforge", pairs, items),
             Passing<MutexQueue<kQueueCapacity>>("mutex", pairs, items),
             Passing<BoostFixedQueue>("boost", pairs, items),
             Passing<TbbBoundedQueue>("tbb_bounded", pairs, items),
             Passing<MoodycamelQueue>("moodycamel", pairs, items)});
  }
  constexpr int kPairs = 2;
  Compare("unbounded queues, 2p2c", "lock_free_queue", options,
          {Passing<OurUnbounded<LockFreeQueue<uint64_t>>>("taskforge", kPairs, items),
           Passing<MutexQueue<SIZE_MAX>>("mutex", kPairs, items),
           Passing<BoostUnbounded<boost::lockfree::queue<uint64_t>>>("boost", kPairs, items),
           Passing<TbbQueue>("tbb", kPairs, items),
           Passing<MoodycamelQueue>("moodycamel", kPairs, items)});
  Compare("stacks, 2p2c", "lock_free_stack", options,
          {Passing<OurUnbounded<LockFreeStack<uint64_t>>>("taskforge", kPairs, items),
           Passing<MutexStack>("mutex", kPairs, items),
           Passing<BoostUnbounded<boost::lockfree::stack<uint64_t>>>("boost", kPairs, items)});
}

int Main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  MeasureFloors(options);
  MeasureQueues(options);
  MeasureRwLock(options);
  MeasureCache(options);
  MeasureAsyncResult(options);
  return 0;
}

}  // namespace
}  // namespace taskforge::bench

int main(int argc, char** argv) { return taskforge::bench::Main(argc, argv); }

// The pool against the pools that people would use otherwise: a no-op submitted and run, as ns a
// task, with 1, 2, 4 and 8 producers, in an open burst (submit all, then wait for all) and in a
// closed loop (64 outstanding for each producer). Two threads each; ours with four live priorities,
// statistics on, one task a claim.
//   bench_pool [--quick|--smoke]
#include <tbb/global_control.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "harness.h"
#include "pool/closure.h"
#include "pool/thread_pool.h"
#include "pool_peers.h"

namespace taskforge::bench {
namespace {

class OurPool {
 public:
  OurPool() : pool_(PoolOptionsForBench(), clock_) { (void)pool_.Start(); }
  template <typename F>
  void Submit(int i, F f) {
    auto* work = MakeClosure(kPriorities[static_cast<size_t>(i) % 4], std::move(f));
    work->enqueued = clock_.Monotonic();
    while (!pool_.TrySubmit(*work).ok()) std::this_thread::yield();
  }

 private:
  static PoolOptions PoolOptionsForBench() {
    PoolOptions options;
    options.cpus = kPoolThreads;
    options.min_threads = kPoolThreads;
    options.max_threads = kPoolThreads;
    options.capacity = 1 << 18;
    options.capacity_limit = 1 << 18;
    return options;
  }
  SystemClock clock_;
  ThreadPool pool_;
};

// The same face for all: Submit(i, f).
template <typename Pool>
struct Plain {
  template <typename F>
  void Submit(int, F f) {
    pool.Submit(std::move(f));
  }
  Pool pool;
};
struct MutexPriority {
  template <typename F>
  void Submit(int i, F f) {
    pool.Submit(i % 4, std::move(f));
  }
  MutexPriorityPool pool;
};

template <typename Pool>
Sample Burst(int producers, int tasks) {
  Pool pool;
  std::atomic<int> done{0};
  const double cpu = ProcessCpuSeconds();
  const double begin = WallSeconds();
  std::vector<std::thread> threads;
  for (int p = 0; p < producers; ++p) {
    threads.emplace_back([&] {
      for (int i = 0; i < tasks / producers; ++i) {
        pool.Submit(i, [&done] { done.fetch_add(1, std::memory_order_relaxed); });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  while (done.load(std::memory_order_relaxed) < tasks / producers * producers) {
    std::this_thread::yield();
  }
  return {static_cast<double>(tasks), WallSeconds() - begin, ProcessCpuSeconds() - cpu};
}

template <typename Pool>
Sample ClosedLoop(int producers, int tasks) {
  constexpr int kWindow = 64;
  Pool pool;
  const double cpu = ProcessCpuSeconds();
  const double begin = WallSeconds();
  std::vector<std::thread> threads;
  for (int p = 0; p < producers; ++p) {
    threads.emplace_back([&] {
      std::atomic<int> done{0};
      const int mine = tasks / producers;
      for (int i = 0; i < mine; ++i) {
        while (i - done.load(std::memory_order_acquire) >= kWindow) std::this_thread::yield();
        pool.Submit(i, [&done] { done.fetch_add(1, std::memory_order_release); });
      }
      while (done.load(std::memory_order_acquire) < mine) std::this_thread::yield();
    });
  }
  for (std::thread& thread : threads) thread.join();
  return {static_cast<double>(tasks), WallSeconds() - begin, ProcessCpuSeconds() - cpu};
}

struct Entry {
  const char* name;
  std::function<Sample(int, int)> burst;
  std::function<Sample(int, int)> loop;
};

template <typename Pool>
Entry MakeEntry(const char* name) {
  return {name, Burst<Pool>, ClosedLoop<Pool>};
}

int Main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  // oneTBB counts the thread that waits in its limit, and otherwise has one worker on two cores.
  const tbb::global_control two_workers(tbb::global_control::max_allowed_parallelism,
                                        kPoolThreads + 1);
  const int tasks = options.Count(200'000, 40'000);
  const std::vector<Entry> entries = {
      MakeEntry<OurPool>("taskforge"),
      MakeEntry<Plain<TextbookPool>>("textbook"),
      MakeEntry<MutexPriority>("mutex_priority_queue"),
      MakeEntry<Plain<AsioPool>>("asio"),
      MakeEntry<Plain<TbbPool>>("tbb"),
      MakeEntry<Plain<MoodycamelPool>>("moodycamel"),
  };
  std::vector<double> log_sums(entries.size(), 0);
  int points = 0;
  for (const bool is_loop : {false, true}) {
    for (const int producers : {1, 2, 4, 8}) {
      std::vector<Contender> contenders;
      for (const Entry& entry : entries) {
        contenders.push_back({entry.name, [&entry, is_loop, producers, tasks] {
                                return (is_loop ? entry.loop : entry.burst)(producers, tasks);
                              }});
      }
      const std::string title = std::string(is_loop ? "closed loop" : "open burst") + ", " +
                                std::to_string(producers) + " producers";
      const auto samples = RunInterleaved(title, options.rounds, contenders);
      ++points;
      for (size_t i = 1; i < entries.size(); ++i) {
        std::vector<double> ratios;
        for (size_t r = 0; r < samples[0].size(); ++r) {
          ratios.push_back(samples[0][r].rate() / samples[i][r].rate());
        }
        log_sums[i] += std::log(QuartilesOf(ratios).low);
      }
    }
  }
  // Geometric mean over all points of the lower quartile of the paired ratios.
  for (size_t i = 1; i < entries.size(); ++i) {
    std::printf("ratio pool_vs_%s %.2f\n", entries[i].name, std::exp(log_sums[i] / points));
  }
  return 0;
}

}  // namespace
}  // namespace taskforge::bench

int main(int argc, char** argv) { return taskforge::bench::Main(argc, argv); }

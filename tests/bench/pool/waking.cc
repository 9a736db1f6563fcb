#include "pool/waking.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "pool/ours.h"
#include "pool/peers.h"

namespace taskforge::bench {
namespace {

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

double ThreadCpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// What one run of one pool showed.
struct Waking {
  double p50_ns = 0;  // From just before the submission until the task starts.
  double p99_ns = 0;
  double cpu_ns = 0;  // Of all threads but the producer, for each task.
};

// Submits a task each `gap_ns` from this thread, which spins until it is time: so the pool has one
// processor to itself, and between two tasks nothing to do.
template <typename Pool>
Waking RunOnce(int64_t gap_ns, int tasks) {
  std::vector<int64_t> delays(static_cast<size_t>(tasks));
  std::atomic<int> started{0};
  const double process = ProcessCpuSeconds();
  const double producer = ThreadCpuSeconds();
  double cpu = 0;
  {
    Pool pool;
    int64_t next = NowNs() + 1'000'000;
    for (int i = 0; i < tasks; ++i) {
      while (NowNs() < next) {
      }
      const int64_t begin = NowNs();
      pool.Submit(i, [&delays, &started, begin, i] {
        delays[static_cast<size_t>(i)] = NowNs() - begin;
        started.fetch_add(1, std::memory_order_release);
      });
      next = begin + gap_ns;
      // One at a time: what waits behind another shows the queue, not the waking.
      while (started.load(std::memory_order_acquire) <= i) {
      }
    }
    cpu = ProcessCpuSeconds() - process - (ThreadCpuSeconds() - producer);
  }
  // The first ones show how the pool starts, and how it learns.
  std::vector<double> sorted(delays.begin() + std::min(tasks / 10, 100), delays.end());
  return {QuantileOf(sorted, 0.5), QuantileOf(sorted, 0.99), cpu / tasks * 1e9};
}

struct Entry {
  const char* name;
  bool sleeps;  // Rather than spin, when there is nothing to do.
  std::function<Waking(int64_t, int)> run;
};

std::vector<Waking> OfEntry(const std::vector<std::vector<Waking>>& rounds, size_t entry) {
  std::vector<Waking> result;
  for (const std::vector<Waking>& round : rounds) result.push_back(round[entry]);
  return result;
}

double Median(const std::vector<Waking>& runs, double Waking::*figure) {
  std::vector<double> values;
  for (const Waking& run : runs) values.push_back(run.*figure);
  return QuantileOf(values, 0.5);
}

void PrintLow(const std::string& name, const std::vector<double>& ratios) {
  const Quartiles quartiles = QuartilesOf(ratios);
  std::printf("ratio %s %.2f  (quartiles %.2f .. %.2f)\n", name.c_str(), quartiles.low,
              quartiles.low, quartiles.high);
}

void CompareAt(int64_t gap_us, const Options& options) {
  const std::vector<Entry> entries = {
      {"taskforge", false, RunOnce<OurPool>},
      {"textbook", true, RunOnce<TextbookPool>},
      {"mutex_priority_queue", true, RunOnce<MutexPriorityPool>},
      {"asio", true, RunOnce<AsioPool>},
      {"tbb", false, RunOnce<TbbPool>},
      {"moodycamel", false, RunOnce<MoodycamelPool>},
  };
  const int tasks = options.Count(4'000, 1'000);
  std::vector<std::vector<Waking>> rounds;
  for (int round = 0; round < options.rounds; ++round) {
    rounds.emplace_back();
    for (const Entry& entry : entries) rounds.back().push_back(entry.run(gap_us * 1000, tasks));
  }
  std::printf("a task each %lld µs (%d rounds, interleaved)\n", static_cast<long long>(gap_us),
              options.rounds);
  for (size_t i = 0; i < entries.size(); ++i) {
    const std::vector<Waking> runs = OfEntry(rounds, i);
    std::printf("  %-28s starts after p50 %.1f µs, p99 %.1f µs  cpu %.1f µs each\n",
                entries[i].name, Median(runs, &Waking::p50_ns) / 1e3,
                Median(runs, &Waking::p99_ns) / 1e3, Median(runs, &Waking::cpu_ns) / 1e3);
  }
  std::vector<double> sleepers;
  std::vector<double> tbb;
  std::vector<double> cpu;
  // The best over all rounds: the best of each would be luck too.
  size_t best = 1;
  for (size_t i = 1; i < entries.size(); ++i) {
    const bool is_better = Median(OfEntry(rounds, i), &Waking::p50_ns) <
                           Median(OfEntry(rounds, best), &Waking::p50_ns);
    if (entries[i].sleeps && is_better) best = i;
  }
  for (const std::vector<Waking>& round : rounds) {
    sleepers.push_back(round[best].p50_ns / round[0].p50_ns);
    tbb.push_back(round[4].p50_ns / round[0].p50_ns);
    cpu.push_back(round[1].cpu_ns / round[0].cpu_ns);
  }
  const std::string at = "_at_" + std::to_string(gap_us) + "us";
  PrintLow("idle_start_p50_vs_best_sleeping_peer" + at, sleepers);
  PrintLow("idle_start_p50_vs_tbb" + at, tbb);
  PrintLow("idle_start_cpu_vs_textbook" + at, cpu);
}

}  // namespace

void CompareWaking(const Options& options) {
  for (const int64_t gap_us : {20, 200}) CompareAt(gap_us, options);
}

}  // namespace taskforge::bench

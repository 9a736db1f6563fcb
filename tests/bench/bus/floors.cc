#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "base/clock.h"
#include "bus/bars.h"

namespace taskforge::bench {

double ThreadCpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void PrintCost(const std::string& name, const std::vector<double>& rounds, const char* unit) {
  const Quartiles quartiles = QuartilesOf(rounds);
  std::printf("figure %s %.1f %s  (median %.1f, lower quartile %.1f)\n", name.c_str(),
              quartiles.high, unit, quartiles.median, quartiles.low);
  std::fflush(stdout);
}

void PrintCostRatio(const std::string& name, const std::vector<double>& rounds) {
  const Quartiles quartiles = QuartilesOf(rounds);
  std::printf("ratio %s %.2f  (median %.2f, lower quartile %.2f)\n", name.c_str(), quartiles.high,
              quartiles.median, quartiles.low);
  std::fflush(stdout);
}

namespace {

double ClockReadNs(int count) {
  const SystemClock system;
  const Clock& clock = system;
  int64_t last = 0;
  const double begin = ThreadCpuSeconds();
  for (int i = 0; i < count; ++i) last = std::max(last, clock.Monotonic().ns);
  const double took = ThreadCpuSeconds() - begin;
  if (last == 0) std::abort();
  return took / count * 1e9;
}

double FetchAddNs(std::atomic<uint64_t>& word, int count) {
  const double begin = ThreadCpuSeconds();
  for (int i = 0; i < count; ++i) word.fetch_add(1, std::memory_order_seq_cst);
  return (ThreadCpuSeconds() - begin) / count * 1e9;
}

double ContendedFetchAddNs(int count) {
  std::atomic<uint64_t> word{0};
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done.load(std::memory_order_relaxed)) word.fetch_add(1, std::memory_order_seq_cst);
  });
  while (word.load() == 0) std::this_thread::yield();
  const double ns = FetchAddNs(word, count);
  done.store(true);
  other.join();
  return ns;
}

}  // namespace

void MeasureFloors(const Options& options) {
  const int count = options.Count(1'000'000, 200'000);
  std::vector<double> clock;
  std::vector<double> alone;
  std::vector<double> contended;
  for (int round = 0; round < options.rounds; ++round) {
    std::atomic<uint64_t> word{0};
    clock.push_back(ClockReadNs(count));
    alone.push_back(FetchAddNs(word, count));
    contended.push_back(ContendedFetchAddNs(count));
  }
  PrintCost("floor_clock_read", clock, "ns");
  PrintCost("floor_fetch_add", alone, "ns");
  PrintCost("floor_fetch_add_contended", contended, "ns");
}

}  // namespace taskforge::bench

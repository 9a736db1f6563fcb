// What the machine itself costs.
#include <atomic>
#include <cstdio>
#include <functional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/futex.h"
#include "queue/suite.h"

namespace taskforge::bench {
namespace {

// Nanoseconds each of `count` steps takes, by the quickest quarter of the rounds: whatever else the
// machine does only adds.
void PrintFloor(const char* name, const Options& options, int count,
                const std::function<double(int)>& seconds) {
  std::vector<double> each;
  for (int round = 0; round < options.rounds; ++round) each.push_back(seconds(count) / count * 1e9);
  std::printf("figure floor_%s %.1f ns\n", name, QuartilesOf(each).low);
  std::fflush(stdout);
}

double ReadClock(int count) {
  const SystemClock clock;
  int64_t sum = 0;
  const double begin = WallSeconds();
  for (int i = 0; i < count; ++i) sum += clock.Monotonic().ns & 1;
  const double seconds = WallSeconds() - begin;
  Expect(sum <= count, "a clock's last bit");
  return seconds;
}

double AddTogether(int threads, int count) {
  std::atomic<uint64_t> sum{0};
  const Sample sample = RunTogether(threads, count, [&](int) {
    for (int i = 0; i < count; ++i) sum.fetch_add(1);
  });
  Expect(sum.load() == static_cast<uint64_t>(threads) * static_cast<uint64_t>(count), "a sum");
  return sample.wall_seconds;
}

// Two threads wake each other in turn, `count` times in all.
double WakeInTurn(int first, int second, int count) {
  std::atomic<uint32_t> turn{0};
  const Sample sample = RunTogether(2, count, [&](int i) {
    StayOn(i == 0 ? first : second);
    const auto mine = static_cast<uint32_t>(i);
    for (int step = 0; step < count / 2; ++step) {
      while (turn.load() != mine) FutexWait(turn, 1 - mine);
      turn.store(1 - mine);
      FutexWake(turn, 1);
    }
  });
  return sample.wall_seconds;
}

}  // namespace

void MeasureFloors(const Options& options) {
  const std::vector<int>& processors = AllowedProcessors();
  const int count = options.Count(2'000'000, 500'000);
  const int wakes = options.Count(20'000, 5'000);
  PrintFloor("clock_read", options, count, ReadClock);
  PrintFloor("fetch_add", options, count, [](int n) { return AddTogether(1, n); });
  const int here = processors.front();
  const int there = processors.back();
  if (here == there) {
    std::printf("one processor only: no floor of contention or of waking across\n");
  } else {
    PrintFloor("fetch_add_by_two", options, count, [](int n) { return AddTogether(2, n); });
    PrintFloor("futex_half_trip_across", options, wakes,
               [=](int n) { return WakeInTurn(here, there, n); });
  }
  PrintFloor("futex_half_trip_same_core", options, wakes,
             [=](int n) { return WakeInTurn(here, here, n); });
}

}  // namespace taskforge::bench

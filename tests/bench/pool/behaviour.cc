#include "pool/behaviour.h"

#include <sched.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/scoped_blocking.h"
#include "pool/closure.h"
#include "pool/ours.h"
#include "pool/thread_pool.h"

namespace {

std::atomic<uint64_t> allocations{0};

void* Allocate(size_t size, size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory =
      alignment <= alignof(std::max_align_t)
          ? std::malloc(size)
          : std::aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1));
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// Of the whole program, so that none is missed.
void* operator new(size_t size) { return Allocate(size, alignof(std::max_align_t)); }
void* operator new(size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace taskforge::bench {
namespace {

const SystemClock kClock;

void SpinFor(int64_t ns) {
  const MonoTime until{kClock.Monotonic().ns + ns};
  while (kClock.Monotonic() < until) {
  }
}

void SleepFor(int64_t ns) {
  timespec left{ns / 1'000'000'000, ns % 1'000'000'000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

void Submit(ThreadPool& pool, Priority priority, auto function) {
  auto* const work = MakeClosure(priority, std::move(function));
  work->enqueued = kClock.Monotonic();
  while (!pool.TrySubmit(*work).ok()) sched_yield();
}

PoolOptions Elastic() {
  PoolOptions options = BenchPoolOptions();
  options.cpus = static_cast<int>(std::thread::hardware_concurrency());
  options.min_threads = 2;
  options.max_threads = 64;
  return options;
}

struct Step {
  double ms_to_90_percent = 0;  // 0: it never got there.
  double peak = 0;
  double flips = 0;
};

// So many tasks at once, each of `body`; watches the threads until all are done.
template <typename Body>
Step RunStep(int tasks, Body body) {
  ThreadPool pool(Elastic(), kClock);
  (void)pool.Start();
  std::atomic<int> left{tasks};
  const double begin = WallSeconds();
  for (int i = 0; i < tasks; ++i) {
    Submit(pool, PriorityAt(i), [&left, body] {
      body();
      left.fetch_sub(1);
    });
  }
  Step step;
  while (left.load() > 0) {
    if (step.ms_to_90_percent == 0 && pool.live_threads() >= 58) {
      step.ms_to_90_percent = (WallSeconds() - begin) * 1e3;
    }
    SleepFor(500'000);
  }
  const PoolStats stats = pool.GetStats();
  step.peak = stats.peak;
  step.flips = static_cast<double>(stats.resizes.flips);
  return step;
}

void ShowSteps(const Options& options) {
  std::vector<double> times;
  std::vector<double> peaks;
  double flips = 0;
  for (int round = 0; round < options.rounds; ++round) {
    const Step blocking = RunStep(options.Count(4'000, 2'000), [] {
      const ScopedBlocking blocked;
      SleepFor(10'000'000);
    });
    const Step busy = RunStep(options.Count(200, 100), [] { SpinFor(10'000'000); });
    times.push_back(blocking.ms_to_90_percent);
    peaks.push_back(busy.peak);
    flips += blocking.flips + busy.flips;
  }
  const Quartiles time = QuartilesOf(times);
  std::printf("figure blocking_step_90_percent %.0f ms  (upper quartile; median %.0f)\n", time.high,
              time.median);
  std::printf("figure cpu_step_peak_threads %.0f threads  (%u processors)\n",
              QuantileOf(peaks, 1.0), std::thread::hardware_concurrency());
  std::printf("figure step_flips %.0f changes of direction\n", flips);
}

// The delays of critical tasks, one at a time, 500 µs after the one before.
std::vector<double> CriticalDelays(ThreadPool& pool, int count) {
  std::vector<double> delays(static_cast<size_t>(count));
  for (double& delay : delays) {
    std::atomic<bool> started{false};
    const int64_t begin = kClock.Monotonic().ns;
    Submit(pool, Priority::kCritical, [&delay, &started, begin] {
      delay = static_cast<double>(kClock.Monotonic().ns - begin);
      started.store(true);
    });
    while (!started.load()) SleepFor(100'000);
    SleepFor(400'000);
  }
  return delays;
}

double CriticalP99(bool is_saturated, int count) {
  ThreadPool pool(BenchPoolOptions(), kClock);
  (void)pool.Start();
  std::atomic<bool> stop{false};
  std::vector<std::thread> feeders;
  if (is_saturated) {
    // More than the threads can do, of all priorities but the one that is measured.
    feeders.emplace_back([&] {
      for (int i = 0; !stop.load(); ++i) {
        if (pool.QueuedApprox(PriorityAt(i % 3)) < 1'000) {
          for (int k = 0; k < 100; ++k) Submit(pool, PriorityAt(i % 3), [] { SpinFor(20'000); });
        } else {
          SleepFor(1'000'000);
        }
      }
    });
    while (pool.QueuedApprox(Priority::kLow) < 1'000) SleepFor(1'000'000);
  }
  const double p99 = QuantileOf(CriticalDelays(pool, count), 0.99);
  stop.store(true);
  for (std::thread& feeder : feeders) feeder.join();
  return p99;
}

void ShowCritical(const Options& options) {
  const int count = options.Count(1'000, 300);
  std::vector<double> ratios;
  std::vector<double> alone;
  std::vector<double> saturated;
  for (int round = 0; round < options.rounds; ++round) {
    alone.push_back(CriticalP99(false, count));
    saturated.push_back(CriticalP99(true, count));
    ratios.push_back(alone.back() / saturated.back());
  }
  std::printf("critical tasks start after p99 %.0f µs alone, %.0f µs behind tasks of 20 µs\n",
              QuantileOf(alone, 0.5) / 1e3, QuantileOf(saturated, 0.5) / 1e3);
  const Quartiles quartiles = QuartilesOf(ratios);
  std::printf("ratio critical_alone_vs_saturated_p99 %.2f  (quartiles %.2f .. %.2f)\n",
              quartiles.low, quartiles.low, quartiles.high);
}

// How often threads of the pool's have gone to sleep until now: each wake-up ends with it.
long Sleeps() {
  long sum = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream name_file(thread.path() / "comm");
    std::string name;
    name_file >> name;
    if (name.rfind("tf-", 0) != 0) continue;
    std::ifstream status(thread.path() / "status");
    for (std::string key; status >> key;) {
      long value = 0;
      if (key == "voluntary_ctxt_switches:" && status >> value) sum += value;
    }
  }
  return sum;
}

void ShowIdle(const Options& options) {
  ThreadPool pool(BenchPoolOptions(), kClock);
  (void)pool.Start();
  std::atomic<int> done{0};
  for (int i = 0; i < 100; ++i) Submit(pool, PriorityAt(i), [&done] { done.fetch_add(1); });
  while (done.load() < 100) sched_yield();
  SleepFor(200'000'000);  // What is still busy with the end of that goes to sleep.
  const long before = Sleeps();
  const double seconds = options.Seconds(5, 2);
  SleepFor(static_cast<int64_t>(seconds * 1e9));
  std::printf("figure idle_wakeups %ld in %.0f s  (threads and controller of an idle pool)\n",
              Sleeps() - before, seconds);
}

void ShowAllocations(const Options& options) {
  ThreadPool pool(BenchPoolOptions(), kClock);
  (void)pool.Start();
  constexpr int kWindow = 64;
  std::atomic<int> done{0};
  int submitted = 0;
  const auto run = [&](int count) {
    for (const int end = submitted + count; submitted < end; ++submitted) {
      while (submitted - done.load() >= kWindow) sched_yield();
      Submit(pool, PriorityAt(submitted), [&done] { done.fetch_add(1); });
    }
    while (done.load() < submitted) sched_yield();
  };
  run(options.Count(100'000, 100'000));
  const uint64_t before = allocations.load();
  const int count = options.Count(1'000'000, 200'000);
  run(count);
  std::printf("figure allocations_per_task %.6f allocations\n",
              static_cast<double>(allocations.load() - before) / count);
}

}  // namespace

void ShowBehaviour(const Options& options) {
  ShowIdle(options);
  ShowAllocations(options);
  ShowSteps(options);
  ShowCritical(options);
}

}  // namespace taskforge::bench

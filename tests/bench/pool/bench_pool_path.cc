// The way of a no-op through the pool alone, for who counts instructions: waves of tasks of four
// priorities, each submitted while the one thread is held. Nothing spins and nothing waits for a
// time, so two runs differ by what the tasks did, and the difference between two numbers of waves
// is free of start and stop.
//   bench_pool_path WAVES      a wave is 1,000 tasks
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "base/clock.h"
#include "pool/closure.h"
#include "pool/thread_pool.h"

namespace taskforge::bench {
namespace {

constexpr int kTasksOfWave = 1000;

// Opened once, by one thread, for another that waits for it.
class Gate {
 public:
  void Open() {
    const std::lock_guard<std::mutex> lock(mu_);
    is_open_ = true;
    opened_.notify_all();
  }
  void Await() {
    std::unique_lock<std::mutex> lock(mu_);
    opened_.wait(lock, [this] { return is_open_; });
  }

 private:
  std::mutex mu_;
  std::condition_variable opened_;
  bool is_open_ = false;  // Guarded by mu_.
};

PoolOptions OneThread() {
  PoolOptions options;
  options.cpus = 1;
  options.min_threads = 1;
  options.max_threads = 1;
  // The controller looks as seldom as it may, and an idle thread sleeps at once.
  options.scaling.tick = absl::Seconds(1);
  options.scaling.spin = absl::ZeroDuration();
  return options;
}

template <typename F>
void Submit(ThreadPool& pool, const Clock& clock, Priority priority, F function) {
  auto* const work = MakeClosure(priority, std::move(function));
  work->enqueued = clock.Monotonic();
  const absl::Status status = pool.TrySubmit(*work);
  if (status.ok()) return;
  std::fprintf(stderr, "bench_pool_path: %s\n", status.ToString().c_str());
  std::exit(1);
}

void RunWave(ThreadPool& pool, const Clock& clock) {
  Gate held;
  Gate go;
  Gate all_done;
  Submit(pool, clock, Priority::kCritical, [&] {
    held.Open();
    go.Await();
  });
  held.Await();
  int done = 0;  // Of the one thread, until the gate is open.
  for (int i = 0; i < kTasksOfWave; ++i) {
    Submit(pool, clock, kPriorities[static_cast<size_t>(i) % kPriorities.size()], [&] {
      if (++done == kTasksOfWave) all_done.Open();
    });
  }
  go.Open();
  all_done.Await();
}

int Main(int argc, char** argv) {
  const int waves = argc == 2 ? std::atoi(argv[1]) : 0;
  if (waves <= 0) {
    std::fprintf(stderr, "usage: bench_pool_path WAVES\n");
    return 2;
  }
  const SystemClock clock;
  ThreadPool pool(OneThread(), clock);
  const absl::Status started = pool.Start();
  if (!started.ok()) {
    std::fprintf(stderr, "bench_pool_path: %s\n", started.ToString().c_str());
    return 1;
  }
  for (int i = 0; i < waves; ++i) RunWave(pool, clock);
  return 0;
}

}  // namespace
}  // namespace taskforge::bench

int main(int argc, char** argv) { return taskforge::bench::Main(argc, argv); }

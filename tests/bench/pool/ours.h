// Our pool behind the face of its peers: two threads, four live priorities, statistics on, one task
// a claim.
#ifndef TASKFORGE_BENCH_POOL_OURS_H_
#define TASKFORGE_BENCH_POOL_OURS_H_

#include <array>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "pool/closure.h"
#include "pool/peers.h"
#include "pool/thread_pool.h"

namespace taskforge::bench {

inline PoolOptions BenchPoolOptions() {
  PoolOptions options;
  options.cpus = kPoolThreads;
  options.min_threads = kPoolThreads;
  options.max_threads = kPoolThreads;
  options.capacity = 1 << 18;
  options.capacity_limit = 1 << 18;
  return options;
}

inline Priority PriorityAt(int i) { return kPriorities[static_cast<size_t>(i) % 4]; }

class OurPool {
 public:
  OurPool() : pool_(BenchPoolOptions(), clock_) { (void)pool_.Start(); }

  template <typename F>
  void Submit(int i, F f) {
    auto* work = MakeClosure(PriorityAt(i), std::move(f));
    work->enqueued = clock_.Monotonic();
    while (!pool_.TrySubmit(*work).ok()) std::this_thread::yield();
  }
  // `count` at once, the first of which is number `i`.
  template <typename F>
  void SubmitMany(int i, int count, F f) {
    batch_.clear();
    const MonoTime now = clock_.Monotonic();
    for (int k = 0; k < count; ++k) {
      batch_.push_back(MakeClosure(PriorityAt(i + k), f));
      batch_.back()->enqueued = now;
    }
    absl::Status why;
    for (size_t taken = 0; taken < batch_.size();) {
      taken += pool_.TrySubmitMany(absl::MakeSpan(batch_).subspan(taken), why);
      if (!why.ok()) std::this_thread::yield();
    }
  }

 private:
  inline static thread_local std::vector<Work*> batch_;

  SystemClock clock_;
  ThreadPool pool_;
};

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_POOL_OURS_H_

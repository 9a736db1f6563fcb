// What the tests of the pool share: work that calls a function, and waiting for something to hold.
#ifndef TASKFORGE_UNIT_POOL_POOL_FIXTURE_H_
#define TASKFORGE_UNIT_POOL_POOL_FIXTURE_H_

#include <sched.h>

#include <atomic>
#include <functional>
#include <utility>

#include "base/clock.h"
#include "base/futex.h"
#include "base/mutex.h"
#include "pool/options.h"
#include "pool/thread_pool.h"
#include "task/work.h"

namespace taskforge {

// Work that calls a function; may be submitted again once it has run.
struct CallWork : Work {
  explicit CallWork(std::function<void(const Dispatch&)> body, Priority at = Priority::kNormal)
      : call(std::move(body)) {
    run = [](Work& work, const Dispatch& dispatch) {
      static_cast<CallWork&>(work).call(dispatch);
      return true;
    };
    priority = at;
    enqueued = SystemClock().Monotonic();
  }
  std::function<void(const Dispatch&)> call;
};

// Holds a worker until it is let go.
struct Holder {
  explicit Holder(Priority priority = Priority::kCritical)
      : work(
            [this](const Dispatch&) {
              started.Notify();
              release.Wait();
            },
            priority) {}
  Notification started;
  Notification release;
  CallWork work;
};

// Counts down to zero; whoever waits is woken then. Thread-safe.
class Countdown {
 public:
  explicit Countdown(uint32_t count) : left_(count) {}
  void Done() {
    if (left_.fetch_sub(1) == 1) FutexWake(left_, 1 << 30);
  }
  // False: not at zero after `timeout`.
  bool WaitFor(absl::Duration timeout) {
    const MonoTime deadline = SystemClock().Monotonic() + timeout;
    for (uint32_t left = left_.load(); left != 0; left = left_.load()) {
      if (!FutexWait(left_, left, deadline)) return left_.load() == 0;
    }
    return true;
  }
  uint32_t left() const { return left_.load(); }

 private:
  std::atomic<uint32_t> left_;
};

// Generous on a busy machine, short enough for a dead-lock to be noticed.
inline constexpr absl::Duration kPatience = absl::Seconds(20);

// `duration` from now.
inline MonoTime In(absl::Duration duration) { return SystemClock().Monotonic() + duration; }

// Gives the processor away until `condition` holds; false: it does not within `timeout`.
template <typename Condition>
bool Eventually(Condition condition, absl::Duration timeout = kPatience) {
  const SystemClock clock;
  const MonoTime deadline = clock.Monotonic() + timeout;
  while (!condition()) {
    if (clock.Monotonic() >= deadline) return condition();
    sched_yield();
  }
  return true;
}

inline PoolOptions OptionsWith(int min_threads, int max_threads) {
  PoolOptions options;
  options.cpus = 2;
  options.min_threads = min_threads;
  options.max_threads = max_threads;
  return options;
}

// Takes some nanoseconds, more for a greater number.
inline void Dawdle(uint32_t steps) {
  for (volatile uint32_t left = steps; left > 0;) left = left - 1;
}

inline void RestFor(absl::Duration duration) {
  std::atomic<uint32_t> word{0};
  const MonoTime until = SystemClock().Monotonic() + duration;
  while (FutexWait(word, 0, until)) {
  }
}

}  // namespace taskforge

#endif  // TASKFORGE_UNIT_POOL_POOL_FIXTURE_H_

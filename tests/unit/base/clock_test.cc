#include "base/clock.h"

#include <gtest/gtest.h>

#include <ctime>
#include <thread>
#include <vector>

namespace taskforge {
namespace {

int64_t KernelNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

// Long enough for the clock to have learnt the rate of the time stamp counter, and to use it.
constexpr int64_t kLongNs = 60'000'000;
// What two readings of one thread, or of two, may differ by.
constexpr int64_t kSlackNs = 2'000;

TEST(SystemClock, GoesWithTheKernelsAndNeverBack) {
  const SystemClock clock;
  const int64_t begin = KernelNs();
  int64_t last = 0;
  for (int64_t after = begin; after - begin < kLongNs;) {
    const int64_t before = KernelNs();
    const int64_t now = clock.Monotonic().ns;
    after = KernelNs();
    ASSERT_GE(now, last);
    ASSERT_GE(now, before - kSlackNs);
    ASSERT_LE(now, after + kSlackNs);
    last = now;
  }
}

// A time that one thread hands to another is not in the other's future.
TEST(SystemClock, AgreesBetweenThreads) {
  const SystemClock clock;
  std::atomic<int64_t> ball{0};
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop.load()) {
      if (const int64_t sent = ball.load(); sent > 0) {
        EXPECT_GE(clock.Monotonic().ns, sent - kSlackNs);
        ball.store(-clock.Monotonic().ns);
      } else {
        std::this_thread::yield();
      }
    }
  });
  const int64_t begin = KernelNs();
  while (KernelNs() - begin < kLongNs) {
    ball.store(clock.Monotonic().ns);
    int64_t back = 0;
    while ((back = ball.load()) > 0) std::this_thread::yield();
    ASSERT_GE(clock.Monotonic().ns, -back - kSlackNs);
  }
  stop.store(true);
  other.join();
}

TEST(SystemClock, HasACoarseTimeThatIsLateAndNotAhead) {
  const SystemClock clock;
  MonoTime last{0};
  for (int i = 0; i < 10'000; ++i) {
    const MonoTime before = clock.Monotonic();
    const MonoTime coarse = clock.CoarseMonotonic();
    const MonoTime after = clock.Monotonic();
    ASSERT_LE(coarse - after, kSlackNs);
    ASSERT_LE(before - coarse, 100'000'000);  // A tick of the kernel is at most 10 ms.
    ASSERT_GE(coarse, last);
    last = coarse;
  }
}

TEST(SystemClock, TellsWallTimeToTheNanosecond) {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const absl::Time before = absl::TimeFromTimespec(now);
  EXPECT_LT(absl::AbsDuration(SystemClock().Now() - before), absl::Seconds(10));
}

}  // namespace
}  // namespace taskforge

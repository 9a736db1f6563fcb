#include "base/clock.h"

#include <algorithm>
#include <atomic>
#include <ctime>

#if defined(__x86_64__)
#include <x86intrin.h>

#include <fstream>
#include <string>
#endif

namespace taskforge {
namespace {

int64_t ReadNs(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

#if defined(__x86_64__)

// CLOCK_MONOTONIC by the processor's time stamp counter (TSC), where the kernel itself trusts it:
// each thread asks the kernel once in a millisecond, and reckons from there. The kernel corrects
// its clock's rate by at most 500 parts in a million, which is half a microsecond in that time.
constexpr int64_t kAskEveryNs = 1'000'000;
// Long enough to know the counter's rate to a few parts in a million.
constexpr int64_t kCalibrateNs = 20'000'000;
constexpr int kScaleBits = 32;

// Asking the kernel takes some 40 ns, more than this only where the thread was interrupted.
constexpr uint64_t kTogetherTicks = 2'000;
constexpr int kReadTries = 4;

struct Reading {
  uint64_t ticks = 0;
  int64_t ns = 0;
  bool together = false;  // Nothing came between the two: one tells the other.
};

Reading ReadBoth() {
  Reading read;
  for (int i = 0; i < kReadTries && !read.together; ++i) {
    read.ticks = __rdtsc();
    read.ns = ReadNs(CLOCK_MONOTONIC);
    read.together = __rdtsc() - read.ticks < kTogetherTicks;
  }
  return read;
}

bool KernelTrustsTicks() {
  std::ifstream file("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  std::string name;
  return file >> name && name == "tsc";
}

// Nanoseconds a tick, times 2^kScaleBits; 0: not known, or not to be used.
uint64_t Scale(const Reading& now) {
  static const bool trusted = KernelTrustsTicks();
  if (!trusted || !now.together) return 0;
  static const Reading first = now;
  static std::atomic<uint64_t> scale{0};
  // relaxed: the value stands for itself.
  uint64_t known = scale.load(std::memory_order_relaxed);
  if (known == 0 && now.ns - first.ns >= kCalibrateNs && now.ticks > first.ticks) {
    const double ns_per_tick =
        static_cast<double>(now.ns - first.ns) / static_cast<double>(now.ticks - first.ticks);
    known = static_cast<uint64_t>(ns_per_tick * static_cast<double>(uint64_t{1} << kScaleBits));
    scale.store(known, std::memory_order_relaxed);
  }
  return known;
}

class ThreadTime {
 public:
  int64_t Now() {
    const uint64_t ticks = __rdtsc() - anchor_.ticks;
    if (ticks < window_) return std::max(floor_, Reckon(ticks));
    return Ask();
  }

 private:
  int64_t Reckon(uint64_t ticks) const {
    return anchor_.ns + static_cast<int64_t>(ticks * scale_ >> kScaleBits);
  }
  [[gnu::noinline]] int64_t Ask() {
    const Reading now = ReadBoth();
    // What was told last may be a little ahead of the kernel.
    if (window_ != 0)
      floor_ = std::max(floor_, Reckon(std::min(now.ticks - anchor_.ticks, window_)));
    anchor_ = now;
    scale_ = Scale(now);
    window_ = scale_ == 0 ? 0 : (uint64_t{kAskEveryNs} << kScaleBits) / scale_;
    return std::max(floor_, now.ns);
  }

  Reading anchor_;
  int64_t floor_ = 0;  // Never less than this, so that the thread's time does not go back.
  uint64_t scale_ = 0;
  uint64_t window_ = 0;  // Ticks during which the anchor is good.
};

int64_t MonotonicNs() {
  thread_local constinit ThreadTime time;
  return time.Now();
}

#else

int64_t MonotonicNs() { return ReadNs(CLOCK_MONOTONIC); }

#endif

}  // namespace

MonoTime SystemClock::Monotonic() const { return MonoTime{MonotonicNs()}; }

MonoTime SystemClock::CoarseMonotonic() const { return MonoTime{ReadNs(CLOCK_MONOTONIC_COARSE)}; }

absl::Time SystemClock::Now() const { return absl::FromUnixNanos(ReadNs(CLOCK_REALTIME)); }

}  // namespace taskforge

// What the wall clock showed at a monotonic time, without reading it each time.
#ifndef TASKFORGE_BASE_WALL_TIME_H_
#define TASKFORGE_BASE_WALL_TIME_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "base/clock.h"

namespace taskforge {

// Keeps the distance of the two clocks and reads it again when a time lies more than a second after
// the last reading: a jump of the wall clock is followed within that second. `clock` must outlive
// it. Thread-safe.
class WallTime {
 public:
  explicit WallTime(const Clock& clock) : clock_(clock) { Read(clock.Monotonic()); }

  absl::Time At(MonoTime time) {
    if (time - MonoTime{read_at_ns_.load(std::memory_order_relaxed)} > kKeepNs) Read(time);
    return absl::FromUnixNanos(time.ns + distance_ns_.load(std::memory_order_relaxed));
  }
  // The monotonic time of a wall-clock time, as the clocks stand at `now`. Infinite stays infinite.
  MonoTime MonotonicOf(absl::Time wall, MonoTime now) {
    if (wall == absl::InfiniteFuture()) return MonoTime::Max();
    return now + (wall - At(now));
  }

 private:
  static constexpr int64_t kKeepNs = 1'000'000'000;

  void Read(MonoTime at) {
    // Relaxed: each value stands alone; threads that race write nearly the same.
    distance_ns_.store(absl::ToUnixNanos(clock_.Now()) - clock_.Monotonic().ns,
                       std::memory_order_relaxed);
    read_at_ns_.store(at.ns, std::memory_order_relaxed);
  }

  const Clock& clock_;
  std::atomic<int64_t> distance_ns_{0};
  std::atomic<int64_t> read_at_ns_{0};
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_WALL_TIME_H_

// Time, injected. Nothing in TaskForge reads a clock except through this interface, so that every
// time-out, lease and schedule can be tested on virtual time.
#ifndef TASKFORGE_BASE_CLOCK_H_
#define TASKFORGE_BASE_CLOCK_H_

#include <compare>
#include <cstdint>

#include "absl/time/time.h"

namespace taskforge {

// A point on the monotonic clock, in nanoseconds since an arbitrary origin (the machine's boot).
// A strong type, so that it never mixes with wall-clock time. Used on hot paths; absl::Time is for
// what people and the wire see.
struct MonoTime {
  int64_t ns = 0;

  static constexpr MonoTime Max() { return MonoTime{INT64_MAX}; }
  constexpr auto operator<=>(const MonoTime&) const = default;
};

// Nanoseconds between two points. Negative when `b` is the later.
constexpr int64_t operator-(MonoTime a, MonoTime b) { return a.ns - b.ns; }
// `t` moved by `d`; saturates at MonoTime::Max() (an infinite duration stays infinite).
inline MonoTime operator+(MonoTime t, absl::Duration d) {
  const int64_t delta = absl::ToInt64Nanoseconds(d);
  if (delta > 0 && t.ns > INT64_MAX - delta) return MonoTime::Max();
  return MonoTime{t.ns + delta};
}

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Never goes backwards for a thread; what two threads read at once differs by a microsecond at
  // the most.
  virtual MonoTime Monotonic() const = 0;
  // As Monotonic(), but late by up to some milliseconds, and not ahead of it by more than that
  // microsecond. About 5 ns on Linux: for figures that people read.
  virtual MonoTime CoarseMonotonic() const { return Monotonic(); }
  // Wall-clock time, which may jump.
  virtual absl::Time Now() const = 0;
};

// CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE and CLOCK_REALTIME. Monotonic() reckons from the
// processor's time stamp counter where it can, which takes half as long as asking the kernel.
// Thread-safe.
class SystemClock final : public Clock {
 public:
  MonoTime Monotonic() const override;
  MonoTime CoarseMonotonic() const override;
  absl::Time Now() const override;
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_CLOCK_H_

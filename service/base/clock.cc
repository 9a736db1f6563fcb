#include "base/clock.h"

#include <ctime>

namespace taskforge {

MonoTime SystemClock::Monotonic() const {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return MonoTime{now.tv_sec * 1'000'000'000LL + now.tv_nsec};
}

absl::Time SystemClock::Now() const {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return absl::TimeFromTimespec(now);
}

}  // namespace taskforge

// When to give up on something that does not go on.
#ifndef TASKFORGE_STRESS_PATIENCE_H_
#define TASKFORGE_STRESS_PATIENCE_H_

#include <cstdint>

#include "absl/time/time.h"
#include "base/clock.h"

namespace taskforge {

// For a loop that waits: by time, because how often a thread looks in a second depends on the
// machine. Not thread-safe.
class Patience {
 public:
  explicit Patience(absl::Duration duration) : duration_(duration) {}

  // Whether `progress` has been the same in all calls for that long.
  bool IsOver(int64_t progress) {
    const MonoTime now = clock_.Monotonic();
    if (progress != last_progress_) {
      last_progress_ = progress;
      end_ = now + duration_;
    }
    return now >= end_;
  }

 private:
  const SystemClock clock_;
  const absl::Duration duration_;
  int64_t last_progress_ = -1;
  MonoTime end_;
};

}  // namespace taskforge

#endif  // TASKFORGE_STRESS_PATIENCE_H_

// What the pool did to its number of threads, and why.
#ifndef TASKFORGE_POOL_RESIZE_LOG_H_
#define TASKFORGE_POOL_RESIZE_LOG_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "absl/time/time.h"
#include "base/mutex.h"
#include "pool/scaling_policy.h"

namespace taskforge {

enum class ResizeDirection : uint8_t { kGrow, kShrink };

constexpr absl::string_view Name(ResizeDirection direction) {
  return direction == ResizeDirection::kGrow ? "grow" : "shrink";
}

struct ResizeEvent {
  uint64_t number = 0;  // 1 for the first; never reused.
  absl::Time time;
  int from = 0;
  int to = 0;
  ScalingReason reason = ScalingReason::kNone;

  ResizeDirection direction() const {
    return to > from ? ResizeDirection::kGrow : ResizeDirection::kShrink;
  }
};

// Called on the controller's thread, without a lock; must be short.
using ResizeListener = std::function<void(const ResizeEvent&)>;

// Remembers the last resizes and counts all. Thread-safe.
class ResizeLog {
 public:
  // Remembers `limit` events. `listener` may be empty.
  ResizeLog(size_t limit, ResizeListener listener)
      : limit_(limit), listener_(std::move(listener)) {}

  void Add(absl::Time time, int from, int to, ScalingReason reason) ABSL_LOCKS_EXCLUDED(mu_);

  // The last `count`, newest first; of those, the ones with a number below `before` (0: all).
  std::vector<ResizeEvent> Last(size_t count, uint64_t before = 0) const ABSL_LOCKS_EXCLUDED(mu_);

  struct Counts {
    // By direction and reason.
    std::array<std::array<uint64_t, kScalingReasonCount>, 2> by_reason{};
    uint64_t total = 0;
    uint64_t flips = 0;  // Changes of direction, but for abandoned threads.
  };
  Counts counts() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Constant after construction.
  const size_t limit_;
  const ResizeListener listener_;

  // Guarded by mu_.
  mutable Mutex mu_;
  std::deque<ResizeEvent> events_ ABSL_GUARDED_BY(mu_);
  Counts counts_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_POOL_RESIZE_LOG_H_

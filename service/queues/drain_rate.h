// How fast a full queue empties, so that those who are refused know when to come again.
#ifndef TASKFORGE_QUEUES_DRAIN_RATE_H_
#define TASKFORGE_QUEUES_DRAIN_RATE_H_

#include <cstdint>

#include "absl/time/time.h"
#include "base/clock.h"

namespace taskforge {

// Learns from the counts that it is shown at refusals: an exponentially weighted mean of the rate
// over the last second or so. A pause of ten seconds without a refusal makes it begin anew.
// Not thread-safe; guarded by its queue.
class DrainRate {
 public:
  // What is told while nothing is known yet.
  static constexpr absl::Duration Unknown() { return absl::Milliseconds(100); }
  static constexpr absl::Duration Least() { return absl::Milliseconds(10); }
  static constexpr absl::Duration Greatest() { return absl::Seconds(10); }

  // At `now`, `given_back` units had come back since the start. Returns how long it takes until
  // `wanted` more have, between Least() and Greatest().
  absl::Duration RetryAfter(MonoTime now, uint64_t given_back, double wanted);

 private:
  MonoTime sampled_at_;
  uint64_t sampled_ = 0;
  bool has_sample_ = false;
  double per_second_ = -1;  // Negative: not known.
};

}  // namespace taskforge

#endif  // TASKFORGE_QUEUES_DRAIN_RATE_H_

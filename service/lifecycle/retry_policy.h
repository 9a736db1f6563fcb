// What follows an attempt that did not succeed: a pure function.
#ifndef TASKFORGE_LIFECYCLE_RETRY_POLICY_H_
#define TASKFORGE_LIFECYCLE_RETRY_POLICY_H_

#include "absl/time/time.h"
#include "task/task_types.h"

namespace taskforge {

// The attempts of a task, the one that has just ended included.
struct AttemptCounts {
  int counted = 0;  // That count against max_attempts.
  int lost = 0;     // That were taken by a lost worker or lease.
};

enum class NextStep {
  kFail,      // With the attempt's own error.
  kPoison,    // Too many attempts were lost: reason POISONED.
  kRetry,     // After `backoff`.
  kRunAgain,  // At once: the attempt was lost.
};

struct RetryDecision {
  NextStep step = NextStep::kFail;
  absl::Duration backoff;  // For kRetry.
  bool operator==(const RetryDecision&) const = default;
};

// Lost attempts do not count against max_attempts: up to `max_lost_attempts` are run again at once,
// and with the next the task is poisoned (it may be what ends the workers). A failed attempt is
// retried if its error is retryable, its reason is not excluded, and attempts are left. `uniform`
// in [0, 1) moves the backoff within its jitter.
RetryDecision DecideNextStep(const RetryPolicy& policy, AttemptCounts counts,
                             const TaskError& error, bool lost, int max_lost_attempts,
                             double uniform);

// Before the attempt that follows `counted` ones: min(max_backoff, min_backoff *
// multiplier^(counted - 1)), moved by a uniform share of +-jitter. Never negative.
absl::Duration Backoff(const RetryPolicy& policy, int counted, double uniform);

}  // namespace taskforge

#endif  // TASKFORGE_LIFECYCLE_RETRY_POLICY_H_

#include "lifecycle/retry_policy.h"

#include <algorithm>
#include <cmath>

namespace taskforge {

RetryDecision DecideNextStep(const RetryPolicy& policy, AttemptCounts counts,
                             const TaskError& error, bool lost, int max_lost_attempts,
                             double uniform) {
  if (lost) {
    return {counts.lost > max_lost_attempts ? NextStep::kPoison : NextStep::kRunAgain, {}};
  }
  const bool excluded =
      std::find(policy.non_retryable_reasons.begin(), policy.non_retryable_reasons.end(),
                error.reason) != policy.non_retryable_reasons.end();
  if (!error.retryable || excluded || counts.counted >= policy.max_attempts) return {};
  return {NextStep::kRetry, Backoff(policy, counts.counted, uniform)};
}

absl::Duration Backoff(const RetryPolicy& policy, int counted, double uniform) {
  const double min = absl::ToDoubleSeconds(policy.min_backoff);
  const double max = absl::ToDoubleSeconds(policy.max_backoff);
  // pow may be infinite; the least of it and `max` is not.
  const double grown = min * std::pow(policy.multiplier, std::max(0, counted - 1));
  const double moved = std::min(max, grown) * (1 + policy.jitter * (2 * uniform - 1));
  return absl::Seconds(std::max(0.0, moved));
}

}  // namespace taskforge

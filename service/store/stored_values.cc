#include "store/stored_values.h"

namespace taskforge {

using store::StoredRetryPolicy;

void Encode(const RetryPolicy& policy, StoredRetryPolicy& out) {
  out.set_max_attempts(policy.max_attempts);
  SetFinite(policy.min_backoff, out, &StoredRetryPolicy::set_min_backoff_ns);
  SetFinite(policy.max_backoff, out, &StoredRetryPolicy::set_max_backoff_ns);
  out.set_multiplier(policy.multiplier);
  out.set_jitter(policy.jitter);
  for (const std::string& reason : policy.non_retryable_reasons) {
    out.add_non_retryable_reasons(reason);
  }
}
RetryPolicy Decode(const StoredRetryPolicy& stored) {
  RetryPolicy policy;
  policy.max_attempts = stored.max_attempts();
  policy.min_backoff =
      DurationOr(stored.has_min_backoff_ns(), stored.min_backoff_ns(), absl::InfiniteDuration());
  policy.max_backoff =
      DurationOr(stored.has_max_backoff_ns(), stored.max_backoff_ns(), absl::InfiniteDuration());
  policy.multiplier = stored.multiplier();
  policy.jitter = stored.jitter();
  for (const std::string& reason : stored.non_retryable_reasons()) {
    policy.non_retryable_reasons.push_back(reason);
  }
  return policy;
}

}  // namespace taskforge

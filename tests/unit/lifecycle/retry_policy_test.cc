#include "lifecycle/retry_policy.h"

#include <gtest/gtest.h>

namespace taskforge {
namespace {

RetryPolicy PolicyOf(int max_attempts) {
  RetryPolicy policy;
  policy.max_attempts = max_attempts;
  policy.min_backoff = absl::Seconds(1);
  policy.max_backoff = absl::Seconds(10);
  policy.jitter = 0;
  return policy;
}

TaskError ErrorOf(const char* reason, bool retryable = true) {
  TaskError error;
  error.reason = reason;
  error.retryable = retryable;
  return error;
}

NextStep StepOf(const RetryPolicy& policy, AttemptCounts counts, const TaskError& error,
                bool lost = false) {
  return DecideNextStep(policy, counts, error, lost, 3, 0.5).step;
}

TEST(RetryPolicy, RetriesWhileAttemptsAreLeft) {
  EXPECT_EQ(StepOf(PolicyOf(1), {1, 0}, ErrorOf("X")), NextStep::kFail);
  EXPECT_EQ(StepOf(PolicyOf(3), {1, 0}, ErrorOf("X")), NextStep::kRetry);
  EXPECT_EQ(StepOf(PolicyOf(3), {2, 0}, ErrorOf("X")), NextStep::kRetry);
  EXPECT_EQ(StepOf(PolicyOf(3), {3, 0}, ErrorOf("X")), NextStep::kFail);
}

TEST(RetryPolicy, DoesNotCountLostAttempts) {
  EXPECT_EQ(StepOf(PolicyOf(2), {1, 3}, ErrorOf("X")), NextStep::kRetry);
}

TEST(RetryPolicy, HeedsTheErrorAndTheExcludedReasons) {
  RetryPolicy policy = PolicyOf(5);
  policy.non_retryable_reasons = {"BAD", "WORSE"};
  EXPECT_EQ(StepOf(policy, {1, 0}, ErrorOf("X", false)), NextStep::kFail);
  EXPECT_EQ(StepOf(policy, {1, 0}, ErrorOf("WORSE")), NextStep::kFail);
  EXPECT_EQ(StepOf(policy, {1, 0}, ErrorOf("GOOD")), NextStep::kRetry);
}

TEST(RetryPolicy, RunsLostAttemptsAgainUntilPoisoned) {
  EXPECT_EQ(StepOf(PolicyOf(1), {0, 1}, ErrorOf("LOST"), true), NextStep::kRunAgain);
  EXPECT_EQ(StepOf(PolicyOf(1), {0, 3}, ErrorOf("LOST"), true), NextStep::kRunAgain);
  EXPECT_EQ(StepOf(PolicyOf(1), {0, 4}, ErrorOf("LOST"), true), NextStep::kPoison);
}

TEST(Backoff, GrowsUpToItsMaximum) {
  EXPECT_EQ(Backoff(PolicyOf(9), 1, 0.5), absl::Seconds(1));
  EXPECT_EQ(Backoff(PolicyOf(9), 2, 0.5), absl::Seconds(2));
  EXPECT_EQ(Backoff(PolicyOf(9), 4, 0.5), absl::Seconds(8));
  EXPECT_EQ(Backoff(PolicyOf(9), 5, 0.5), absl::Seconds(10));
  EXPECT_EQ(Backoff(PolicyOf(99), 5000, 0.5), absl::Seconds(10));
}

TEST(Backoff, MovesWithinItsJitter) {
  RetryPolicy policy = PolicyOf(9);
  policy.jitter = 0.2;
  EXPECT_EQ(Backoff(policy, 1, 0), absl::Milliseconds(800));
  EXPECT_LT(Backoff(policy, 1, 0.999), absl::Milliseconds(1200));
  EXPECT_GT(Backoff(policy, 1, 0.999), absl::Milliseconds(1190));
  policy.jitter = 1;
  EXPECT_EQ(Backoff(policy, 1, 0), absl::ZeroDuration());
}

}  // namespace
}  // namespace taskforge

#include "task/task_defaults.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

QueueTaskDefaults All() {
  QueueTaskDefaults defaults;
  defaults.queue_timeout = absl::Minutes(5);
  defaults.run_timeout = absl::Seconds(30);
  defaults.retry.max_attempts = 4;
  return defaults;
}

TEST(QueueTaskDefaultsTest, FillsInWhatATaskLeavesOpen) {
  TaskSpec spec;
  All().ApplyTo(spec, /*has_retry=*/false);
  EXPECT_EQ(spec.terms->queue_timeout, absl::Minutes(5));
  EXPECT_EQ(spec.terms->run_timeout, absl::Seconds(30));
  EXPECT_EQ(spec.terms->retry.max_attempts, 4);
}

TEST(QueueTaskDefaultsTest, WhatATaskSaysStays) {
  TaskSpec spec;
  spec.terms.Edit().queue_timeout = absl::Seconds(1);
  spec.terms.Edit().run_timeout = absl::Seconds(2);
  All().ApplyTo(spec, /*has_retry=*/true);
  EXPECT_EQ(spec.terms->queue_timeout, absl::Seconds(1));
  EXPECT_EQ(spec.terms->run_timeout, absl::Seconds(2));
  EXPECT_EQ(spec.terms->retry.max_attempts, 1) << "once is what was asked for";
}

// Most tasks have no terms of their own, which is what makes them small.
TEST(QueueTaskDefaultsTest, NoneCostNothing) {
  TaskSpec spec;
  QueueTaskDefaults defaults;
  defaults.durability = Durability::kBuffered;
  defaults.ApplyTo(spec, false);
  EXPECT_FALSE(spec.terms.is_set());
}

TEST(QueueTaskDefaultsTest, TheLimitsAreThoseOfTasks) {
  EXPECT_THAT(QueueTaskDefaults().Validate(), IsEmpty());
  EXPECT_THAT(All().Validate(), IsEmpty());
  QueueTaskDefaults wrong;
  wrong.queue_timeout = absl::ZeroDuration();
  wrong.run_timeout = absl::Hours(24 * 400);
  wrong.retry.max_attempts = 1000;
  wrong.retry.jitter = 2;
  std::vector<std::string> fields;
  for (const FieldViolation& violation : wrong.Validate()) fields.push_back(violation.field);
  EXPECT_THAT(fields,
              ElementsAre("default_queue_timeout", "default_run_timeout",
                          "default_retry_policy.max_attempts", "default_retry_policy.jitter"));
}

}  // namespace
}  // namespace taskforge

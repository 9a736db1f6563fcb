#include "lifecycle/task_metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

TaskRecord EndedAs(TaskState state, const std::string& handler = "echo",
                   const std::string& queue = "default") {
  auto spec = MakeRef<TaskSpec>();
  spec->handler = handler;
  spec->queue = queue;
  TaskRecord record;
  record.spec = std::move(spec);
  record.state = state;
  record.create_time = absl::FromUnixSeconds(100);
  record.history.Edit().end_time = absl::FromUnixSeconds(102);
  return record;
}

TEST(TaskMetrics, CountsEndsByWhatTheyWere) {
  TaskMetrics metrics;
  metrics.CountEnd(EndedAs(TaskState::kSucceeded), Stage::kRunning);
  metrics.CountEnd(EndedAs(TaskState::kSucceeded), Stage::kRunning);
  metrics.CountEnd(EndedAs(TaskState::kCancelled), Stage::kScheduled);
  metrics.CountEnd(EndedAs(TaskState::kExpired), Stage::kQueued);
  const LifecycleStats stats = metrics.Stats();
  ASSERT_EQ(stats.completed.size(), 3u);
  EXPECT_EQ(stats.completed[0].count, 2u);
  EXPECT_EQ(stats.completed[0].queue, "default");
  EXPECT_EQ(stats.completed[0].handler, "echo");
  EXPECT_EQ(stats.cancelled[0], 1u);
  EXPECT_EQ(stats.expired[1], 1u);
  EXPECT_EQ(stats.total[Priority::kNormal].count, 4u);
  EXPECT_EQ(stats.total[Priority::kNormal].sum, 8'000'000'000u);
}

TEST(TaskMetrics, KeepsLabelsBounded) {
  TaskMetrics metrics;
  for (int i = 0; i < 100; ++i) {
    metrics.CountEnd(EndedAs(TaskState::kFailed, absl::StrCat("h", i), absl::StrCat("q", i)),
                     Stage::kRunning);
  }
  const LifecycleStats stats = metrics.Stats();
  uint64_t sum = 0;
  bool has_other = false;
  for (const auto& completed : stats.completed) {
    sum += completed.count;
    has_other = has_other || (completed.handler == "_other" && completed.queue == "_other");
  }
  EXPECT_EQ(sum, 100u);
  EXPECT_TRUE(has_other);
  EXPECT_LE(stats.retried.size(), 65u);
}

TEST(TaskMetrics, MeasuresAttempts) {
  TaskMetrics metrics;
  const TaskRecord record = EndedAs(TaskState::kSucceeded);
  metrics.CountAttempt(*record.spec, 5'000, 7'000);
  metrics.CountRetry(*record.spec);
  metrics.CountLost();
  const LifecycleStats stats = metrics.Stats();
  EXPECT_EQ(stats.run.at(0).seconds.sum, 7'000u);
  const auto wait = std::find_if(stats.queue_wait.begin(), stats.queue_wait.end(),
                                 [](const auto& w) { return w.priority == Priority::kNormal; });
  EXPECT_EQ(wait->seconds.sum, 5'000u);
  EXPECT_EQ(stats.retried.at(0).count, 1u);
  EXPECT_EQ(stats.lost_attempts, 1u);
}

}  // namespace
}  // namespace taskforge

#include "task/waiting_expiry.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/fake_task_parts.h"
#include "support/fake_timer.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class WaitingExpiryTest : public ::testing::Test {
 protected:
  TaskRef Waiting() { return QueuedTask(SpecOf("echo"), runner_, clock_); }
  MonoTime In(absl::Duration d) { return clock_.Monotonic() + d; }

  NoRunner runner_;
  FakeClock clock_;
  FakeTimer timer_{clock_};
  FakeQueue queue_;
  RecordingEnder ender_;
  WaitingExpiry expiry_{timer_, queue_, ender_};
};

TEST_F(WaitingExpiryTest, EndsWhatStillWaits) {
  const TaskRef task = Waiting();
  expiry_.Arm(task, In(absl::Seconds(5)), "QUEUE_TIMEOUT");
  queue_.Enqueue(task, TaskSink::Position::kBack);
  clock_.Advance(absl::Milliseconds(4999));
  EXPECT_THAT(ender_.ends(), IsEmpty());
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(ender_.ends(), ElementsAre(Pair(TaskState::kExpired, "QUEUE_TIMEOUT")));
  EXPECT_EQ(queue_.size(), 0u);
}

TEST_F(WaitingExpiryTest, LeavesWhatHasStarted) {
  const TaskRef task = Waiting();
  expiry_.Arm(task, In(absl::Seconds(5)), "DEADLINE");
  task->TryAdvance(TaskPhase::kQueued, TaskPhase::kStarting);
  clock_.Advance(absl::Seconds(10));
  EXPECT_THAT(ender_.ends(), IsEmpty());
  EXPECT_EQ(task->phase(), TaskPhase::kStarting);
}

TEST_F(WaitingExpiryTest, SetsNoTimerForNever) {
  expiry_.Arm(Waiting(), MonoTime::Max(), "DEADLINE");
  EXPECT_EQ(timer_.pending(), 0u);
}

TEST_F(WaitingExpiryTest, DisarmDropsTheTimer) {
  const TaskRef task = Waiting();
  expiry_.Arm(task, In(absl::Seconds(5)), "DEADLINE");
  EXPECT_EQ(timer_.pending(), 1u);
  WaitingExpiry::Disarm(*task, timer_);
  EXPECT_EQ(timer_.pending(), 0u);
  EXPECT_EQ(task->timer_id.load(), 0u);
}

TEST_F(WaitingExpiryTest, LeavesNoTimerBehindACancelThatCameBefore) {
  const TaskRef task = Waiting();
  task->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling);
  expiry_.Arm(task, In(absl::Seconds(5)), "DEADLINE");
  EXPECT_EQ(timer_.pending(), 0u);
}

}  // namespace
}  // namespace taskforge

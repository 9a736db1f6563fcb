#include "lifecycle/queue_purge.h"

#include <gtest/gtest.h>

#include "support/lifecycle_fixture.h"

namespace taskforge {
namespace {

class QueuePurgeTest : public testing::Test, protected LifecycleFixture {
 protected:
  uint64_t Purge(const std::string& name) {
    uint64_t purged = UINT64_MAX;  // Not told.
    PurgeQueue(name, live, queue, lifecycle, clock, [&purged](uint64_t count) { purged = count; });
    return purged;
  }
  static TaskSpec Of(const std::string& name) {
    TaskSpec spec = Spec(/*max_attempts=*/2);
    spec.queue = name;
    return spec;
  }
};

TEST_F(QueuePurgeTest, CancelsWhatWaitsInTheQueueAndNothingElse) {
  const TaskRef running = Submit(Of("mail"), "running");
  auto attempt = Start();
  const TaskRef waiting = Submit(Of("mail"), "waiting");
  const TaskRef other = Submit(Of("default"), "other");
  TaskRecordPtr end;
  waiting->OnFinished([&end](const TaskRecordPtr& record) { end = record; });
  clock.Advance(absl::Seconds(3));
  EXPECT_EQ(Purge("mail"), 1u);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->state, TaskState::kCancelled);
  EXPECT_EQ(end->history->cancel_requested_time, clock.Now());
  EXPECT_EQ(running->Snapshot()->state, TaskState::kRunning);
  EXPECT_FALSE(running->Snapshot()->history->cancel_requested_time.has_value());
  EXPECT_EQ(other->phase(), TaskPhase::kQueued);
  EXPECT_EQ(queue.size(), 1u) << "what was cancelled is out of the queue";
  EXPECT_EQ(ledger.given_back.Sum(), 1u) << "and its place is free";
  EXPECT_EQ(Purge("mail"), 0u);
  attempt->done.Succeed({});
  EXPECT_EQ(running->finished_record()->state, TaskState::kSucceeded);
}

// A crash after the answer brings none of them back.
TEST_F(QueuePurgeTest, SaysSoWhenTheEndOfEachIsKept) {
  Submit(Of("mail"), "a");
  Submit(Of("mail"), "b");
  store.HoldAnswers();
  std::optional<uint64_t> purged;
  PurgeQueue("mail", live, queue, lifecycle, clock, [&purged](uint64_t count) { purged = count; });
  EXPECT_EQ(purged, std::nullopt);
  store.ReleaseAnswers();
  EXPECT_EQ(purged, 2u);
}

TEST_F(QueuePurgeTest, CancelsWhatWaitsForItsNextAttempt) {
  const TaskRef task = Submit(Of("mail"));
  Start()->done.Fail(ErrorOf("FLAKY"));
  ASSERT_EQ(task->Snapshot()->state, TaskState::kScheduled);
  EXPECT_EQ(Purge("mail"), 1u);
  ASSERT_TRUE(task->finished_record());
  EXPECT_EQ(task->finished_record()->state, TaskState::kCancelled);
  clock.Advance(absl::Hours(1));
  EXPECT_FALSE(Start()) << "no attempt comes later";
}

}  // namespace
}  // namespace taskforge

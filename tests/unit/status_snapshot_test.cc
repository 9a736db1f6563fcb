#include "status_snapshot.h"

#include <gtest/gtest.h>

namespace taskforge {
namespace {

TEST(StatusSnapshotTest, SumsSubmissionsByWhatBecameOfThem) {
  StatusSources sources;
  sources.intake.submitted = {{"a", Priority::kLow, Decision::kAccepted, 3},
                              {"b", Priority::kHigh, Decision::kAccepted, 4},
                              {"a", Priority::kLow, Decision::kDuplicate, 50},
                              {"a", Priority::kLow, Decision::kRejectedFull, 2},
                              {"a", Priority::kLow, Decision::kRejectedInvalid, 1}};
  const StatusSnapshot status = MakeStatus(sources);
  EXPECT_EQ(status.submitted_total, 7u);
  EXPECT_EQ(status.rejected_total, 3u);
}

// A handler that is gone still shows what it has ended; one that has ended nothing shows too.
TEST(StatusSnapshotTest, ShowsHandlersThatAreKnownOrWere) {
  StatusSources sources;
  HandlerStatus remote;
  remote.info.name = "mail";
  remote.info.kind = HandlerKind::kRemote;
  sources.handlers = {remote};
  sources.lifecycle.completed = {{"default", "echo", Priority::kLow, TaskState::kSucceeded, 5},
                                 {"default", "echo", Priority::kHigh, TaskState::kFailed, 2},
                                 {"default", "echo", Priority::kHigh, TaskState::kCancelled, 1},
                                 {"default", "echo", Priority::kHigh, TaskState::kExpired, 3}};
  const StatusSnapshot status = MakeStatus(sources);
  ASSERT_EQ(status.handlers.size(), 2u);
  EXPECT_EQ(status.handlers[0].name, "echo");
  EXPECT_EQ(status.handlers[0].succeeded_total, 5u);
  EXPECT_EQ(status.handlers[0].failed_total, 2u);
  EXPECT_EQ(status.handlers[1].name, "mail");
  EXPECT_EQ(status.handlers[1].kind, "worker");
  EXPECT_EQ(status.succeeded_total, 5u);
  EXPECT_EQ(status.failed_total, 2u);
  EXPECT_EQ(status.cancelled_total, 1u);
  EXPECT_EQ(status.expired_total, 3u);
}

TEST(StatusSnapshotTest, WaitingIsInTheQueuesAndReleased) {
  StatusSources sources;
  sources.queues.queues.resize(2);
  sources.queues.queues[0].waiting[Priority::kHigh] = 4;
  sources.queues.queues[1].waiting[Priority::kHigh] = 5;
  sources.released[Priority::kHigh] = 2;
  const StatusSnapshot status = MakeStatus(sources);
  ASSERT_EQ(status.priorities.size(), 4u);
  EXPECT_EQ(status.priorities[0].name, "critical");
  EXPECT_EQ(status.priorities[1].name, "high");
  EXPECT_EQ(status.priorities[1].waiting, 11u);
  EXPECT_FALSE(status.priorities[1].wait_p50.has_value()) << "nothing has started";
}

TEST(StatusSnapshotTest, MergesTheWaitsOfAllQueues) {
  StatusSources sources;
  SingleWriterHistogram fast;
  SingleWriterHistogram slow;
  for (int i = 0; i < 98; ++i) fast.Record(1'000);
  for (int i = 0; i < 2; ++i) slow.Record(1'000'000);
  sources.lifecycle.queue_wait = {{"a", Priority::kLow, {}}, {"b", Priority::kLow, {}}};
  fast.AddTo(sources.lifecycle.queue_wait[0].seconds);
  slow.AddTo(sources.lifecycle.queue_wait[1].seconds);
  const StatusSnapshot::Priority low = MakeStatus(sources).priorities[3];
  EXPECT_EQ(low.started_total, 100u);
  EXPECT_LT(*low.wait_p50, absl::Microseconds(2));
  EXPECT_GT(*low.wait_p99, absl::Microseconds(800));
}

TEST(StatusSnapshotTest, BusyThreadsDoNotIncludeBlockedOnes) {
  StatusSources sources;
  sources.pool.busy = 5;
  sources.pool.blocked = 2;
  sources.pool.idle = 1;
  sources.cpu_limit_cores = 1.5;
  sources.resizes = {{7, absl::UnixEpoch(), 2, 4, ScalingReason::kAllBlocked}};
  const StatusSnapshot::Pool pool = MakeStatus(sources).pool;
  EXPECT_EQ(pool.busy, 3);
  EXPECT_EQ(pool.blocked, 2);
  EXPECT_EQ(pool.cpu_limit_cores, 1.5);
  ASSERT_EQ(pool.resizes.size(), 1u);
  EXPECT_EQ(pool.resizes[0].reason, "all_blocked");
}

TEST(StatusSnapshotTest, WhatAQueueHoldsAndDoesNotWaitRuns) {
  StatusSources sources;
  QueueStats queue;
  queue.options.name = "default";
  queue.options.is_paused = true;
  queue.tasks = 9;
  queue.waiting[Priority::kLow] = 3;
  queue.waiting[Priority::kHigh] = 2;
  queue.oldest_age[Priority::kLow] = absl::Seconds(7);
  queue.oldest_age[Priority::kHigh] = absl::Seconds(1);
  sources.queues.queues = {queue, QueueStats()};
  const StatusSnapshot status = MakeStatus(sources);
  EXPECT_EQ(status.queues[0].waiting, 5u);
  EXPECT_EQ(status.queues[0].running, 4u);
  EXPECT_TRUE(status.queues[0].paused);
  EXPECT_FALSE(status.queues[1].paused);
  EXPECT_EQ(status.queues[0].oldest_age, absl::Seconds(7));
  EXPECT_FALSE(status.queues[1].oldest_age.has_value());
}

}  // namespace
}  // namespace taskforge

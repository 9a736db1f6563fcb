#include "queues/remote_lanes.h"

#include "queues_fixture.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kBack = TaskSink::Position::kBack;

class RemoteLanesTest : public QueuesFixture {
 protected:
  ~RemoteLanesTest() override { lanes_.TakeAll(); }

  TaskRef Enqueue(const std::string& id, const std::string& handler,
                  Priority priority = Priority::kNormal, size_t queue = 0) {
    TaskRef task = Make(id, priority, queue, handler);
    lanes_.Enqueue(task, kBack);
    return task;
  }
  std::vector<std::string> Claim(const std::vector<std::string>& handlers, size_t max) {
    return Names(lanes_.Claim(handlers, max));
  }

  RemoteLanes lanes_{gates_};
};

TEST_F(RemoteLanesTest, GivesOutWhatTheClaimantServes) {
  Enqueue("r1", "resize");
  Enqueue("m1", "mail");
  Enqueue("r2", "resize");
  EXPECT_THAT(Claim({"resize"}, 10), ElementsAre("r1", "r2"));
  EXPECT_THAT(Claim({"resize"}, 10), IsEmpty());
  EXPECT_THAT(Claim({"mail", "unknown"}, 10), ElementsAre("m1"));
}

TEST_F(RemoteLanesTest, GivesOutNoMoreThanAsked) {
  for (int i = 0; i < 5; ++i) Enqueue(absl::StrCat(i), "mail");
  EXPECT_THAT(Claim({"mail"}, 0), IsEmpty());
  EXPECT_THAT(Claim({"mail"}, 2), ElementsAre("0", "1"));
  EXPECT_THAT(Claim({"mail"}, 9), ElementsAre("2", "3", "4"));
}

TEST_F(RemoteLanesTest, TheMostUrgentFirstAcrossLanes) {
  Enqueue("low", "a", Priority::kLow);
  Enqueue("normal", "b", Priority::kNormal);
  Enqueue("critical", "b", Priority::kCritical);
  Enqueue("high", "a", Priority::kHigh);
  EXPECT_THAT(Claim({"a", "b"}, 2), ElementsAre("critical", "high"));
  EXPECT_THAT(Claim({"a", "b"}, 9), ElementsAre("normal", "low"));
}

TEST_F(RemoteLanesTest, LowIsNotStarvedInOneLane) {
  Enqueue("low", "a", Priority::kLow);
  for (int i = 0; i < 100; ++i) Enqueue("critical", "a", Priority::kCritical);
  std::vector<std::string> first = Claim({"a"}, 32);
  EXPECT_THAT(first, ::testing::Contains("low"));
}

// However the claims are cut, and whoever takes part.
TEST_F(RemoteLanesTest, LowIsNotStarvedAcrossLanes) {
  for (int i = 0; i < 200; ++i) Enqueue("critical", "a", Priority::kCritical);
  Enqueue("low", "b", Priority::kLow);
  int taken = 0;
  for (bool found = false; !found; ++taken) {
    ASSERT_LT(taken, 64);
    const std::vector<std::string> one = Claim({"a", "b"}, 1);
    ASSERT_THAT(one, SizeIs(1));
    found = one[0] == "low";
  }
}

TEST_F(RemoteLanesTest, RemovesWhatWaits) {
  const TaskRef a = Enqueue("a", "mail");
  Enqueue("b", "mail");
  EXPECT_TRUE(lanes_.Remove(*a));
  EXPECT_FALSE(lanes_.Remove(*a));
  EXPECT_THAT(Claim({"mail"}, 9), ElementsAre("b"));
}

TEST_F(RemoteLanesTest, DoesNotGiveOutWhatWasCancelled) {
  const TaskRef a = Enqueue("a", "mail");
  Enqueue("b", "mail");
  a->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling);
  EXPECT_THAT(Claim({"mail"}, 1), ElementsAre("b"));
  const TaskRef late = Make("late", Priority::kNormal, 0, "mail");
  late->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling);
  EXPECT_FALSE(lanes_.Enqueue(late, kBack));
}

TEST_F(RemoteLanesTest, SaysNoWorkerUntilOneServesTheHandler) {
  const TaskRef task = Enqueue("a", "mail");
  EXPECT_EQ(task->Snapshot()->wait_reason, WaitReason::kNoWorker);
  lanes_.SetServed("mail", true);
  EXPECT_EQ(task->Snapshot()->wait_reason, WaitReason::kQueue);
  EXPECT_EQ(Enqueue("b", "mail")->Snapshot()->wait_reason, WaitReason::kQueue);
  lanes_.SetServed("mail", false);
  EXPECT_EQ(task->Snapshot()->wait_reason, WaitReason::kNoWorker);
}

TEST_F(RemoteLanesTest, MoreUrgentIsWhatWaitsAboveInTheSameLane) {
  const TaskRef low = Enqueue("low", "a", Priority::kLow);
  EXPECT_FALSE(lanes_.HasMoreUrgent(*Make("x", Priority::kLow, 0, "unknown")));
  Enqueue("other lane", "b", Priority::kCritical);
  EXPECT_FALSE(lanes_.HasMoreUrgent(*low));
  const TaskRef high = Enqueue("high", "a", Priority::kHigh);
  EXPECT_TRUE(lanes_.HasMoreUrgent(*low));
  EXPECT_FALSE(lanes_.HasMoreUrgent(*high));
  lanes_.Remove(*high);
  EXPECT_FALSE(lanes_.HasMoreUrgent(*low));
}

TEST_F(RemoteLanesTest, GivesNothingOutOfAPausedQueueUntilItIsResumed) {
  Enqueue("a", "mail", Priority::kNormal, 1);
  gates_.Pause(1);
  EXPECT_THAT(lanes_.Sync(1), IsEmpty());
  EXPECT_FALSE(lanes_.Enqueue(Make("b", Priority::kHigh, 1, "resize"), kBack));
  const TaskRef low = Enqueue("other", "mail", Priority::kLow);
  EXPECT_FALSE(lanes_.HasMoreUrgent(*low));
  EXPECT_THAT(Claim({"mail", "resize"}, 9), ElementsAre("other"));
  EXPECT_THAT(Claim({"mail", "resize"}, 9), IsEmpty());
  gates_.BeginToOpen(1);
  EXPECT_THAT(lanes_.Sync(1), ::testing::UnorderedElementsAre("mail", "resize"));
  EXPECT_THAT(Claim({"mail", "resize"}, 9), ElementsAre("b", "a"));
  Enqueue("other", "mail");
  EXPECT_THAT(lanes_.Sync(1), IsEmpty()) << "nothing of this queue waits";
}

// The gate is opening, and a cancel comes to the lane first: nobody else tells what is ready since.
TEST_F(RemoteLanesTest, WhatACancelFindsOpenIsToldAllTheSame) {
  gates_.Pause(1);
  const TaskRef cancelled = Enqueue("a", "mail", Priority::kNormal, 1);
  Enqueue("b", "mail", Priority::kNormal, 1);
  gates_.BeginToOpen(1);
  EXPECT_TRUE(lanes_.Remove(*cancelled));
  EXPECT_THAT(lanes_.Sync(1), ElementsAre("mail"));
}

// The gate is changed, and whoever changed it has not come to the lanes yet.
TEST_F(RemoteLanesTest, AClaimPassesOverAQueueThatHasJustBeenPaused) {
  Enqueue("a", "mail", Priority::kCritical, 1);
  Enqueue("b", "mail", Priority::kLow, 0);
  gates_.Pause(1);
  EXPECT_THAT(Claim({"mail"}, 9), ElementsAre("b"));
}

TEST_F(RemoteLanesTest, CountsByLane) {
  Enqueue("a", "mail", Priority::kHigh);
  Enqueue("b", "mail", Priority::kHigh);
  lanes_.SetServed("resize", true);
  gates_.Pause(1);
  Enqueue("held", "mail", Priority::kLow, 1);
  std::vector<QueueStats> queues(2);
  std::vector<LaneStats> lanes;
  lanes_.AddTo(queues, lanes, clock_.Monotonic());
  ASSERT_THAT(lanes, SizeIs(2));
  for (const LaneStats& lane : lanes) {
    EXPECT_EQ(lane.is_served, lane.handler == "resize");
    EXPECT_EQ(lane.waiting[Priority::kHigh], lane.handler == "mail" ? 2u : 0u);
    EXPECT_EQ(lane.held[Priority::kHigh], 0u);
    EXPECT_EQ(lane.held[Priority::kLow], lane.handler == "mail" ? 1u : 0u);
  }
  EXPECT_EQ(queues[0].waiting[Priority::kHigh], 2u);
}

}  // namespace
}  // namespace taskforge

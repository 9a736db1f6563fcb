#include "queues/local_lane.h"

#include <atomic>
#include <thread>

#include "queues_fixture.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kBack = TaskSink::Position::kBack;
constexpr auto kFront = TaskSink::Position::kFront;

class LocalLaneTest : public QueuesFixture {
 protected:
  ~LocalLaneTest() override { lane_.TakeAll(); }

  TaskRef Enqueue(const std::string& id, Priority priority = Priority::kNormal,
                  TaskSink::Position position = kBack, size_t queue = 0) {
    TaskRef task = Make(id, priority, queue);
    lane_.Enqueue(task, position);
    return task;
  }
  // What the target gets if it takes everything, as the pool's threads would.
  std::vector<std::string> Drain(Priority priority = Priority::kNormal) {
    std::vector<std::string> names;
    for (;;) {
      while (const TaskRef task = target_.Take(priority)) names.push_back(IdOf(*task));
      if (lane_.Refill(priority) == 0) return names;
    }
  }
  void SetPaused(size_t queue, bool is_paused) {
    SetGate(queue, is_paused, [&] { lane_.Sync(queue); });
  }
  size_t Waiting(Priority priority = Priority::kNormal) {
    std::vector<QueueStats> queues(1);
    LaneStats lane;
    lane_.AddTo(queues, lane, clock_.Monotonic());
    return lane.waiting[priority];
  }

  FakeReleaseTarget target_{4};
  LocalLane lane_{gates_, target_};
};

TEST_F(LocalLaneTest, WhatNothingWaitsBeforeGoesStraightThrough) {
  const TaskRef task = Enqueue("a");
  EXPECT_EQ(Waiting(), 0u);
  EXPECT_TRUE(target_.Take() == task);
}

TEST_F(LocalLaneTest, WaitsWhenTheTargetIsFullAndKeepsItsOrder) {
  for (int i = 0; i < 10; ++i) Enqueue(absl::StrCat(i));
  EXPECT_EQ(target_.Released(Priority::kNormal), 4u);
  EXPECT_EQ(Waiting(), 6u);
  EXPECT_THAT(Drain(), ElementsAre("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
}

TEST_F(LocalLaneTest, ANewTaskDoesNotOvertakeOneThatWaits) {
  for (int i = 0; i < 5; ++i) Enqueue(absl::StrCat(i));
  const TaskRef first = target_.Take();  // There is a place now, and "4" waits.
  Enqueue("5");
  EXPECT_THAT(Drain(), ElementsAre("1", "2", "3", "4", "5"));
}

// A task on its way to the target is neither in the list nor there: it must not be overtaken.
TEST_F(LocalLaneTest, ANewTaskDoesNotOvertakeOneThatIsBeingReleased) {
  for (int i = 0; i < 5; ++i) Enqueue(absl::StrCat(i));
  const TaskRef first = target_.Take();
  std::thread submitter;
  std::atomic<bool> is_enqueued{false};
  bool in_release = false;
  target_.before_release = [&] {
    if (std::exchange(in_release, true)) return;
    // This is the release of "4", and there is one place.
    submitter = std::thread([&] {
      lane_.Enqueue(Make("5"), kBack);
      is_enqueued = true;
    });
    while (Waiting() < 2 && !is_enqueued) std::this_thread::yield();
  };
  EXPECT_GT(lane_.Refill(Priority::kNormal), 0u);
  submitter.join();
  target_.before_release = nullptr;
  EXPECT_THAT(Drain(), ElementsAre("1", "2", "3", "4", "5"));
}

TEST_F(LocalLaneTest, PrioritiesDoNotShareTheirPlaces) {
  for (int i = 0; i < 6; ++i) Enqueue(absl::StrCat(i), Priority::kLow);
  const TaskRef urgent = Enqueue("urgent", Priority::kCritical);
  EXPECT_TRUE(target_.Take(Priority::kCritical) == urgent);
  EXPECT_EQ(Waiting(Priority::kLow), 2u);
}

TEST_F(LocalLaneTest, MoreUrgentIsWhatIsReleasedOrWaitsAbove) {
  const TaskRef low = Enqueue("low", Priority::kLow);
  EXPECT_FALSE(lane_.HasMoreUrgent(*low));
  const TaskRef high = Enqueue("high", Priority::kHigh);
  EXPECT_TRUE(lane_.HasMoreUrgent(*low));
  EXPECT_FALSE(lane_.HasMoreUrgent(*high));
  Drain(Priority::kHigh);
  EXPECT_FALSE(lane_.HasMoreUrgent(*low));
  for (int i = 0; i < 5; ++i) Enqueue(absl::StrCat(i), Priority::kHigh);
  while (target_.Take(Priority::kHigh)) {
  }
  EXPECT_TRUE(lane_.HasMoreUrgent(*low)) << "one waits still";
  Drain(Priority::kHigh);
  EXPECT_FALSE(lane_.HasMoreUrgent(*low));
}

TEST_F(LocalLaneTest, ALostAttemptGoesBeforeThoseThatWait) {
  for (int i = 0; i < 6; ++i) Enqueue(absl::StrCat(i));
  Enqueue("lost", Priority::kNormal, kFront);
  EXPECT_THAT(Drain(), ElementsAre("0", "1", "2", "3", "lost", "4", "5"));
}

TEST_F(LocalLaneTest, RemoveTakesAWaitingTaskOutOnce) {
  for (int i = 0; i < 4; ++i) Enqueue(absl::StrCat(i));
  const TaskRef waiting = Enqueue("4");
  Enqueue("5");
  EXPECT_TRUE(lane_.Remove(*waiting));
  EXPECT_FALSE(lane_.Remove(*waiting));
  EXPECT_THAT(Drain(), ElementsAre("0", "1", "2", "3", "5"));
}

TEST_F(LocalLaneTest, RemoveDoesNotFindAReleasedTask) {
  EXPECT_FALSE(lane_.Remove(*Enqueue("a")));
  Drain();
}

TEST_F(LocalLaneTest, DropsATaskThatWasCancelledBeforeItCame) {
  for (int i = 0; i < 4; ++i) Enqueue(absl::StrCat(i));
  const TaskRef cancelled = Make("cancelled");
  cancelled->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling);
  lane_.Enqueue(cancelled, kBack);
  EXPECT_EQ(Waiting(), 0u);
  EXPECT_FALSE(cancelled->in_queue);
}

TEST_F(LocalLaneTest, DoesNotReleaseATaskThatWasCancelledWhileItWaited) {
  for (int i = 0; i < 4; ++i) Enqueue(absl::StrCat(i));
  const TaskRef cancelled = Enqueue("cancelled");
  Enqueue("last");
  cancelled->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling);
  EXPECT_THAT(Drain(), ElementsAre("0", "1", "2", "3", "last"));
  EXPECT_EQ(Waiting(), 0u);
}

TEST_F(LocalLaneTest, RefillSaysZeroOnlyWhenNothingWaits) {
  EXPECT_EQ(lane_.Refill(Priority::kNormal), 0u);
  for (int i = 0; i < 6; ++i) Enqueue(absl::StrCat(i));
  EXPECT_GT(lane_.Refill(Priority::kNormal), 0u);  // The layer is full.
  EXPECT_EQ(Waiting(), 2u);
  target_.Take();
  EXPECT_EQ(lane_.Refill(Priority::kNormal), 1u);
  EXPECT_EQ(Waiting(), 1u);
  EXPECT_THAT(Drain(), ElementsAre("1", "2", "3", "4", "5"));
  EXPECT_EQ(lane_.Refill(Priority::kNormal), 0u);
}

// The worker looked, saw nothing and went to sleep between the refused release and the moment at
// which the task came to wait. So whoever enqueues looks again.
TEST_F(LocalLaneTest, ATaskIsNotLeftBehindByARefillThatCameTooEarly) {
  for (int i = 0; i < 4; ++i) Enqueue(absl::StrCat(i));
  class EmptiesAfterRefusal final : public ReleaseTarget {
   public:
    explicit EmptiesAfterRefusal(FakeReleaseTarget& target) : target_(target) {}
    bool TryRelease(Work& work) override {
      if (target_.TryRelease(work)) return true;
      while (const TaskRef task = target_.Take()) names.push_back(IdOf(*task));
      return false;
    }
    size_t Released(Priority priority) const override { return target_.Released(priority); }
    size_t ReleaseLimit() const override { return target_.ReleaseLimit(); }
    uint64_t DispatchCount(Priority priority) const override {
      return target_.DispatchCount(priority);
    }
    std::vector<std::string> names;

   private:
    FakeReleaseTarget& target_;
  };
  EmptiesAfterRefusal target(target_);
  LocalLane lane(gates_, target);
  const TaskRef late = Make("late");
  lane.Enqueue(late, kBack);
  EXPECT_THAT(target.names, ElementsAre("0", "1", "2", "3"));
  EXPECT_TRUE(target_.Take() == late);
}

TEST_F(LocalLaneTest, ReleasesNothingOfAPausedQueueUntilItIsResumed) {
  SetPaused(0, true);
  for (int i = 0; i < 6; ++i) Enqueue(absl::StrCat(i));
  EXPECT_EQ(target_.Released(Priority::kNormal), 0u);
  EXPECT_EQ(Waiting(), 6u);
  EXPECT_EQ(lane_.Refill(Priority::kNormal), 0u) << "or the pool's threads would look for ever";
  SetPaused(0, false);
  EXPECT_EQ(target_.Released(Priority::kNormal), 4u) << "whoever resumes releases";
  EXPECT_THAT(Drain(), ElementsAre("0", "1", "2", "3", "4", "5"));
}

TEST_F(LocalLaneTest, APausedQueueDoesNotHoldUpTheOthers) {
  gates_.SetCount(2);
  for (int i = 0; i < 4; ++i) Enqueue(absl::StrCat("fill", i));
  Enqueue("held", Priority::kNormal, kBack, 1);
  SetPaused(1, true);
  target_.Clear();
  const TaskRef task = Enqueue("straight");
  EXPECT_TRUE(target_.Take() == task);
  EXPECT_EQ(Waiting(), 1u);
  EXPECT_FALSE(lane_.HasMoreUrgent(*Make("low", Priority::kLow)));
  EXPECT_EQ(lane_.OldestWait(Priority::kLow, clock_.Monotonic() + absl::Seconds(5)),
            absl::ZeroDuration());
  SetPaused(1, false);
  EXPECT_THAT(Drain(), ElementsAre("held"));
}

TEST_F(LocalLaneTest, CountsWhatIsHeld) {
  SetPaused(0, true);
  Enqueue("a", Priority::kHigh);
  std::vector<QueueStats> queues(1);
  LaneStats lane;
  lane_.AddTo(queues, lane, clock_.Monotonic());
  EXPECT_EQ(lane.waiting[Priority::kHigh], 1u);
  EXPECT_EQ(lane.held[Priority::kHigh], 1u);
  EXPECT_EQ(queues[0].waiting[Priority::kHigh], 1u);
}

TEST_F(LocalLaneTest, WhatIsTakenBackKeepsItsPlace) {
  for (int i = 0; i < 6; ++i) {
    clock_.Advance(absl::Seconds(1));
    Enqueue(absl::StrCat(i));
  }
  SetPaused(0, true);
  while (const TaskRef released = target_.Take()) EXPECT_TRUE(lane_.TakeBack(released));
  EXPECT_EQ(Waiting(), 6u);
  EXPECT_EQ(target_.Released(Priority::kNormal), 0u);
  SetPaused(0, false);
  EXPECT_THAT(Drain(), ElementsAre("0", "1", "2", "3", "4", "5"));
}

TEST_F(LocalLaneTest, DoesNotTakeBackWhatWasCancelled) {
  const TaskRef task = Enqueue("a");
  EXPECT_TRUE(target_.Take() == task);
  SetPaused(0, true);
  task->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling);
  EXPECT_FALSE(lane_.TakeBack(task));
  EXPECT_EQ(Waiting(), 0u);
}

// The queue was resumed between the look at the gate and the task's return: what came later may be
// with the target already, so the task must not wait behind it.
TEST_F(LocalLaneTest, DoesNotTakeBackWhatMayStartAgain) {
  const TaskRef task = Enqueue("a");
  EXPECT_TRUE(target_.Take() == task);
  gates_.BeginToOpen(0);
  EXPECT_FALSE(lane_.TakeBack(task));
  EXPECT_EQ(Waiting(), 0u);
}

// The gate is opening, and whoever opens it has not come to this lane yet.
TEST_F(LocalLaneTest, ANewTaskDoesNotOvertakeOneThatWasHeld) {
  SetPaused(0, true);
  Enqueue("held");
  SetGate(0, false, [&] {
    Enqueue("later");
    lane_.Sync(0);
  });
  EXPECT_THAT(Drain(), ElementsAre("held", "later"));
}

TEST_F(LocalLaneTest, AheadCountsWhatIsReleasedAndWhatWaits) {
  for (uint32_t i = 0; i < 7; ++i) EXPECT_EQ(Enqueue(absl::StrCat(i))->ahead, i);
  EXPECT_EQ(Enqueue("other", Priority::kHigh)->ahead, 0u);
  Drain();
  Drain(Priority::kHigh);
}

TEST_F(LocalLaneTest, StampsTheDispatchesAfterItWasEnqueued) {
  for (int i = 0; i < 3; ++i) {
    Enqueue("before");
    target_.Take();
  }
  EXPECT_EQ(Enqueue("straight")->enqueued_dispatch.load(), 3u);
  for (int i = 0; i < 3; ++i) Enqueue("fill");
  const TaskRef waiting = Enqueue("waiting");
  EXPECT_EQ(waiting->enqueued_dispatch.load(), 3u);
  Drain();
}

}  // namespace
}  // namespace taskforge

#include "queues/fair_list.h"

#include "queues_fixture.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;

constexpr auto kBack = TaskSink::Position::kBack;
constexpr auto kFront = TaskSink::Position::kFront;

class FairListTest : public QueuesFixture {
 protected:
  TaskRef Push(const std::string& id, size_t queue = 0, TaskSink::Position position = kBack) {
    TaskRef task = Make(id, Priority::kNormal, queue);
    list_.Push(task, position);
    return task;
  }
  ~FairListTest() override { list_.TakeAll(); }

  FairListTest() { gates_.SetCount(3); }

  void SetPaused(size_t queue, bool is_paused) {
    SetGate(queue, is_paused, [&] { list_.Sync(queue); });
  }

  FairList list_{gates_};
};

TEST_F(FairListTest, FirstInFirstOut) {
  for (const char* id : {"a", "b", "c"}) Push(id);
  EXPECT_THAT(Names(list_.TakeAll()), ElementsAre("a", "b", "c"));
  EXPECT_FALSE(list_.Pop());
}

TEST_F(FairListTest, QueuesTakeTurns) {
  for (const char* id : {"a1", "a2", "a3"}) Push(id, 0);
  for (const char* id : {"c1", "c2"}) Push(id, 2);
  EXPECT_THAT(Names(list_.TakeAll()), ElementsAre("a1", "c1", "a2", "c2", "a3"));
}

TEST_F(FairListTest, TheFrontGoesFirst) {
  Push("a");
  Push("b");
  Push("lost", 0, kFront);
  EXPECT_THAT(Names(list_.TakeAll()), ElementsAre("lost", "a", "b"));
}

TEST_F(FairListTest, RemovesFromAnywhere) {
  const TaskRef a = Push("a");
  Push("b");
  const TaskRef c = Push("c");
  Push("d");
  const TaskRef e = Push("e");
  for (const TaskRef& task : {a, c, e}) {
    EXPECT_TRUE(task->in_queue);
    EXPECT_TRUE(list_.Remove(*task) == task);
    EXPECT_FALSE(task->in_queue);
  }
  EXPECT_EQ(list_.size(), 2u);
  EXPECT_THAT(Names(list_.TakeAll()), ElementsAre("b", "d"));
}

TEST_F(FairListTest, CountsByQueueAndKnowsTheOldest) {
  Push("a", 1);
  clock_.Advance(absl::Seconds(3));
  Push("b", 1);
  clock_.Advance(absl::Seconds(2));
  std::vector<QueueStats> stats(3);
  list_.AddTo(stats, Priority::kNormal, clock_.Monotonic());
  EXPECT_EQ(stats[1].waiting[Priority::kNormal], 2u);
  EXPECT_EQ(stats[1].oldest_age[Priority::kNormal], absl::Seconds(5));
  EXPECT_EQ(stats[0].waiting[Priority::kNormal], 0u);
  EXPECT_EQ(stats[0].oldest_age[Priority::kNormal], absl::ZeroDuration());
}

// The bound that `ahead` promises holds whatever comes to the other queues afterwards, and is
// reached where all of these have their turn first.
TEST_F(FairListTest, AheadBoundsWhatLeavesBefore) {
  Push("first x", 0);
  Push("first y", 2);
  for (int i = 0; i < 4; ++i) Push(absl::StrCat("own", i), 1);
  const size_t ahead = list_.Ahead(1, kBack);
  const TaskRef task = Push("mine", 1);
  for (int i = 0; i < 50; ++i) {
    Push(absl::StrCat("x", i), 0);
    Push(absl::StrCat("y", i), 2);
  }
  size_t before = 0;
  while (!(list_.Pop() == task)) ++before;
  EXPECT_EQ(before, ahead);
}

TEST_F(FairListTest, AQueueThatGetsItsFirstTaskComesAfterThoseThatWait) {
  Push("c1", 2);
  Push("a1", 0);
  Push("b1", 1);
  Push("c2", 2);
  EXPECT_THAT(Names({list_.Pop()}), ElementsAre("c1"));
  Push("a2", 0);
  EXPECT_THAT(Names(list_.TakeAll()), ElementsAre("a1", "b1", "c2", "a2"));
}

// What was taken and could not be released keeps its turn, however often that happens.
TEST_F(FairListTest, WhatIsReturnedIsAsIfItHadNotBeenTaken) {
  for (const char* id : {"a1", "a2"}) Push(id, 0);
  Push("b1", 1);
  Push("c1", 2);
  for (int i = 0; i < 3; ++i) {
    std::vector<TaskRef> taken;
    for (int n = 0; n < 3; ++n) taken.push_back(list_.Pop());
    EXPECT_THAT(Names(taken), ElementsAre("a1", "b1", "c1"));
    for (; !taken.empty(); taken.pop_back()) list_.Return(std::move(taken.back()));
  }
  EXPECT_THAT(Names(list_.TakeAll()), ElementsAre("a1", "b1", "c1", "a2"));
}

TEST_F(FairListTest, HoldsTheTasksOfAPausedQueueAndKeepsTheirOrder) {
  Push("a1", 0);
  Push("b1", 1);
  SetPaused(1, true);
  Push("b2", 1);
  Push("a2", 0);
  EXPECT_EQ(list_.size(), 4u);
  EXPECT_EQ(list_.ready(), 2u);
  EXPECT_THAT(Names({list_.Pop(), list_.Pop()}), ElementsAre("a1", "a2"));
  EXPECT_FALSE(list_.Pop());
  SetPaused(1, false);
  EXPECT_EQ(list_.ready(), 2u);
  EXPECT_THAT(Names({list_.Pop(), list_.Pop()}), ElementsAre("b1", "b2"));
}

// The gate changed, and whoever changed it has not come to this list yet.
TEST_F(FairListTest, GivesNothingOutOnceTheGateSaysSo) {
  Push("a", 0);
  Push("b", 1);
  Push("c", 2);
  gates_.Pause(0);
  gates_.Pause(1);
  EXPECT_THAT(Names({list_.Pop()}), ElementsAre("c"));
  EXPECT_FALSE(list_.Pop());
  EXPECT_EQ(list_.ready(), 0u);
  gates_.BeginToOpen(0);
  Push("a2", 0);
  EXPECT_EQ(list_.ready(), 2u);
}

TEST_F(FairListTest, WhatIsReturnedToAQueueThatWasPausedMeanwhileIsHeld) {
  for (const char* id : {"a1", "a2"}) Push(id, 0);
  Push("b1", 1);
  TaskRef taken = list_.Pop();
  SetPaused(0, true);
  list_.Return(std::move(taken));
  EXPECT_EQ(list_.ready(), 1u);
  EXPECT_THAT(Names({list_.Pop()}), ElementsAre("b1"));
  EXPECT_FALSE(list_.Pop());
  SetPaused(0, false);
  EXPECT_THAT(Names(list_.TakeAll()), ElementsAre("a1", "a2"));
}

TEST_F(FairListTest, RemovesAHeldTask) {
  SetPaused(1, true);
  const TaskRef held = Push("b", 1);
  EXPECT_TRUE(list_.Remove(*held) == held);
  EXPECT_EQ(list_.size(), 0u);
  EXPECT_EQ(list_.ready(), 0u);
}

TEST_F(FairListTest, TakesHeldTasksOutAtTheEnd) {
  SetPaused(1, true);
  Push("b", 1);
  Push("a", 0);
  EXPECT_THAT(Names(list_.TakeAll()), ElementsAre("a", "b"));
}

TEST_F(FairListTest, TakesOutAtTheEndWhatHasJustBeenPaused) {
  Push("a", 0);
  gates_.Pause(0);
  const std::vector<TaskRef> taken = list_.TakeAll();
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_TRUE(taken[0]);
}

TEST_F(FairListTest, WhatComesBackEarlyGoesBeforeWhatCameLater) {
  std::vector<TaskRef> released;
  for (const char* id : {"a", "b", "c"}) {
    clock_.Advance(absl::Seconds(1));
    released.push_back(Make(id, Priority::kNormal, 1));
  }
  Push("later", 1);  // At the same moment as "c".
  for (const int i : {1, 0, 2}) list_.PushEarly(released[static_cast<size_t>(i)]);
  EXPECT_THAT(Names(list_.TakeAll()), ElementsAre("a", "b", "c", "later"));
}

TEST_F(FairListTest, TheOldestIsOfWhatIsReady) {
  EXPECT_EQ(list_.OldestEnqueued(), MonoTime::Max());
  Push("old", 1);
  clock_.Advance(absl::Seconds(1));
  const MonoTime second = clock_.Monotonic();
  Push("young", 0);
  clock_.Advance(absl::Seconds(1));
  Push("youngest", 2);
  SetPaused(1, true);
  EXPECT_EQ(list_.OldestEnqueued(), second);
  SetPaused(1, false);
  EXPECT_LT(list_.OldestEnqueued(), second);
}

TEST_F(FairListTest, WithOneQueueAheadIsExact) {
  gates_.SetCount(1);
  FairList list(gates_);
  for (int i = 0; i < 5; ++i) list.Push(Make("t"), kBack);
  EXPECT_EQ(list.Ahead(0, kBack), 5u);
  EXPECT_EQ(list.Ahead(0, kFront), 0u);
  list.TakeAll();
}

}  // namespace
}  // namespace taskforge

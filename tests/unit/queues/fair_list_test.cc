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

  FairList list_{3};
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

// The bound that `ahead` promises holds whatever comes to the other queues afterwards.
TEST_F(FairListTest, AheadBoundsWhatLeavesBefore) {
  for (int i = 0; i < 4; ++i) Push(absl::StrCat("own", i), 1);
  const size_t ahead = list_.Ahead(1, kBack);
  const TaskRef task = Push("mine", 1);
  for (int i = 0; i < 50; ++i) {
    Push(absl::StrCat("x", i), 0);
    Push(absl::StrCat("y", i), 2);
  }
  size_t before = 0;
  while (!(list_.Pop() == task)) ++before;
  EXPECT_LE(before, ahead);
  EXPECT_GE(before + 2, ahead);  // And it is no idle bound.
}

TEST_F(FairListTest, WithOneQueueAheadIsExact) {
  FairList list(1);
  for (int i = 0; i < 5; ++i) list.Push(Make("t"), kBack);
  EXPECT_EQ(list.Ahead(0, kBack), 5u);
  EXPECT_EQ(list.Ahead(0, kFront), 0u);
  list.TakeAll();
}

}  // namespace
}  // namespace taskforge

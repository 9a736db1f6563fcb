// Where a waiting task stands: what PlaceOf says is what comes out.
#include <atomic>
#include <random>
#include <thread>

#include "queues/fair_list.h"
#include "queues/local_lane.h"
#include "queues/remote_lanes.h"
#include "queues_fixture.h"

namespace taskforge {
namespace {

constexpr auto kBack = TaskSink::Position::kBack;

class TaskPlaceTest : public QueuesFixture {
 protected:
  // How many leave the list before the task does.
  static size_t LeaveBefore(FairList& list, const TaskRef& task) {
    size_t before = 0;
    while (list.Pop().get() != task.get()) ++before;
    return before;
  }
};

TEST_F(TaskPlaceTest, WhatIsBeforeATaskIsWhatLeavesBeforeIt) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    gates_.SetCount(5);
    FairList list(gates_);
    std::vector<TaskRef> tasks;
    const size_t count = 1 + random() % 40;
    for (size_t i = 0; i < count; ++i) {
      tasks.push_back(Make(std::to_string(i), Priority::kNormal, random() % 5));
      list.Push(tasks.back(), kBack);
      // So that the turn is somewhere in the ring, and there are gaps.
      if (random() % 4 == 0 && list.size() > 1) {
        const TaskRef popped = list.Pop();
        std::erase(tasks, popped);
      }
      if (random() % 6 == 0 && tasks.size() > 1) {
        const TaskRef removed = tasks[random() % tasks.size()];
        (void)list.Remove(*removed);
        std::erase(tasks, removed);
      }
    }
    const TaskRef task = tasks[random() % tasks.size()];
    TaskPlace place;
    list.PlaceOf(*task, place);
    EXPECT_TRUE(place.is_in_queue && place.is_in_queue_exact && place.is_exact());
    EXPECT_EQ(place.ahead(), LeaveBefore(list, task)) << "seed " << seed;
    list.TakeAll();
  }
}

TEST_F(TaskPlaceTest, FarFromBothEndsItIsTheMostThatItMayBe) {
  constexpr size_t kTasks = 4 * FairList::kMostCounted;
  FairList list(gates_);
  std::vector<TaskRef> tasks;
  for (size_t i = 0; i < kTasks; ++i) {
    tasks.push_back(Make(std::to_string(i)));
    list.Push(tasks.back(), kBack);
  }
  const auto place_of = [&](size_t i) {
    TaskPlace place;
    list.PlaceOf(*tasks[i], place);
    EXPECT_GE(place.in_queue, i);
    EXPECT_TRUE(!place.is_in_queue_exact || place.in_queue == i) << i;
    return place;
  };
  EXPECT_TRUE(place_of(FairList::kMostCounted).is_in_queue_exact);
  EXPECT_TRUE(place_of(kTasks - 1 - FairList::kMostCounted).is_in_queue_exact);
  const TaskPlace middle = place_of(kTasks / 2);
  EXPECT_FALSE(middle.is_in_queue_exact);
  EXPECT_FALSE(middle.is_exact());
  EXPECT_LT(middle.in_queue, kTasks);
  for (size_t i = 0; i < kTasks; i += 97) place_of(i);
  list.TakeAll();
}

TEST_F(TaskPlaceTest, InAPausedQueueOnlyItsOwnStandBefore) {
  gates_.SetCount(2);
  FairList list(gates_);
  const TaskRef other = Make("other", Priority::kNormal, 1);
  const TaskRef first = Make("first");
  const TaskRef second = Make("second");
  for (const TaskRef& task : {other, first, second}) list.Push(task, kBack);
  (void)gates_.Pause(0);
  list.Sync(0);
  TaskPlace place;
  list.PlaceOf(*second, place);
  EXPECT_EQ(place.in_queue, 1u);
  EXPECT_EQ(place.in_other_queues, 0u);
  list.TakeAll();
}

TEST_F(TaskPlaceTest, TheLocalLaneCountsWhatThePoolHasAndWhatIsMoreUrgent) {
  FakeReleaseTarget target(1);
  LocalLane lane(gates_, target);
  const auto enqueue = [&](const char* id, Priority priority) {
    const TaskRef task = Make(id, priority);
    lane.Enqueue(task, kBack);
    return task;
  };
  const TaskRef released = enqueue("released", Priority::kNormal);
  const TaskRef first = enqueue("first", Priority::kNormal);
  const TaskRef second = enqueue("second", Priority::kNormal);
  TaskPlace place = lane.PlaceOf(*second, clock_.Monotonic());
  EXPECT_EQ(place.in_queue, 1u);
  EXPECT_EQ(place.released, 1u);
  EXPECT_EQ(place.ahead(), 2u);
  EXPECT_TRUE(place.is_exact());
  EXPECT_FALSE(lane.PlaceOf(*released, clock_.Monotonic()).is_in_queue);
  EXPECT_EQ(lane.PlaceOf(*released, clock_.Monotonic()).ahead(), 0u);
  enqueue("urgent", Priority::kHigh);
  enqueue("urgent too", Priority::kCritical);
  place = lane.PlaceOf(*second, clock_.Monotonic());
  EXPECT_EQ(place.more_urgent, 2u);
  EXPECT_FALSE(place.is_exact()) << "low priorities get their share";
  // The pool takes some: that is the rate.
  EXPECT_EQ(place.starts, 0u);
  clock_.Advance(absl::Seconds(4));
  while (target.Take(Priority::kHigh) || target.Take(Priority::kCritical)) {
  }
  place = lane.PlaceOf(*second, clock_.Monotonic());
  EXPECT_EQ(place.starts, 2u);
  EXPECT_EQ(place.waited, absl::Seconds(4));
  EXPECT_EQ(place.more_urgent, 0u);
  lane.TakeAll();
}

TEST_F(TaskPlaceTest, ARemoteLaneIsItsHandlersAlone) {
  RemoteLanes lanes(gates_);
  const TaskRef other = Make("other", Priority::kCritical, 0, "other");
  const TaskRef urgent = Make("urgent", Priority::kHigh, 0, "resize");
  const TaskRef first = Make("first", Priority::kNormal, 0, "resize");
  const TaskRef second = Make("second", Priority::kNormal, 0, "resize");
  for (const TaskRef& task : {other, urgent, first, second}) lanes.Enqueue(task, kBack);
  const TaskPlace place = lanes.PlaceOf(*second, clock_.Monotonic());
  EXPECT_TRUE(place.is_in_queue);
  EXPECT_EQ(place.in_queue, 1u);
  EXPECT_EQ(place.more_urgent, 1u);
  EXPECT_EQ(place.released, 0u);
  EXPECT_EQ(lanes.Claim({"resize"}, 3).back().get(), second.get());
  EXPECT_FALSE(lanes.PlaceOf(*second, clock_.Monotonic()).is_in_queue);
  lanes.TakeAll();
}

// While others enqueue, take and remove: what it says is within what was there.
TEST_F(TaskPlaceTest, AsksWhileOthersMoveTasks) {
  constexpr size_t kTasks = 300;
  FakeReleaseTarget target(4);
  LocalLane lane(gates_, target);
  const TaskRef last = Make("last");
  std::vector<TaskRef> tasks;
  for (size_t i = 0; i < kTasks; ++i) {
    tasks.push_back(Make(std::to_string(i)));
    lane.Enqueue(tasks.back(), kBack);
  }
  lane.Enqueue(last, kBack);
  std::atomic<bool> is_done{false};
  std::thread removes([&] {
    for (size_t i = 0; i < kTasks; i += 2) lane.Remove(*tasks[i]);
  });
  std::thread takes([&] {
    for (size_t taken = 0; taken < kTasks / 4; ++taken) {
      (void)target.Take();
      lane.Refill(Priority::kNormal);
    }
    is_done = true;
  });
  size_t before = kTasks;
  do {
    const TaskPlace place = lane.PlaceOf(*last, clock_.Monotonic());
    if (!place.is_in_queue) break;
    EXPECT_LE(place.in_queue, before) << "nothing comes before the last one";
    before = place.in_queue;
  } while (!is_done);
  removes.join();
  takes.join();
  target.Clear();
  lane.TakeAll();
}

}  // namespace
}  // namespace taskforge

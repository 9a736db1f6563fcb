#include "task/live_tasks.h"

#include <atomic>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

class NoRunner final : public TaskRunner {
 public:
  bool Run(TaskRef, const Dispatch&) override { return false; }
};

class LiveTasksTest : public ::testing::Test {
 protected:
  TaskRef Accepting(const std::string& id, const std::string& queue = "default") {
    Ref<TaskSpec> spec = MakeRef<TaskSpec>();
    spec->queue = queue;
    spec->origin.Edit().task_id = id;
    Ref<TaskRecord> record = MakeRef<TaskRecord>();
    record->spec = std::move(spec);
    return MakeRef<Task>(std::move(record), Admission(), runner_);
  }
  TaskRef Queued(const std::string& id, const std::string& queue = "default") {
    TaskRef task = Accepting(id, queue);
    task->TryAdvance(TaskPhase::kAccepting, TaskPhase::kQueued);
    return task;
  }

  NoRunner runner_;
  LiveTasks live_;
};

TEST_F(LiveTasksTest, FindsWhatWasInserted) {
  const TaskRef task = Queued("a");
  EXPECT_TRUE(live_.Insert(task));
  EXPECT_TRUE(live_.Find(TaskName("default", "a")) == task);
  EXPECT_FALSE(live_.Find(TaskName("default", "b")));
  EXPECT_EQ(live_.size(), 1u);
}

TEST_F(LiveTasksTest, ANameIsTakenOnce) {
  EXPECT_TRUE(live_.Insert(Accepting("a")));
  EXPECT_FALSE(live_.Insert(Accepting("a")));
}

TEST_F(LiveTasksTest, DoesNotShowWhatIsBeingAccepted) {
  const TaskRef task = Accepting("a");
  live_.Insert(task);
  EXPECT_FALSE(live_.Find(TaskName("default", "a")));
  task->TryAdvance(TaskPhase::kAccepting, TaskPhase::kQueued);
  EXPECT_TRUE(live_.Find(TaskName("default", "a")));
}

TEST_F(LiveTasksTest, ShowsWhatIsBeingAcceptedToWhoKnowsThatItIsKept) {
  const TaskRef task = Accepting("a");
  live_.Insert(task);
  const Uuid uid = task->accepted_record()->uid;
  EXPECT_TRUE(live_.FindKept(TaskName("default", "a"), uid) == task);
  EXPECT_FALSE(live_.FindKept(TaskName("default", "a"), Uuid{uid.high, uid.low + 1}));
  EXPECT_FALSE(live_.FindKept(TaskName("default", "b"), uid));
}

TEST_F(LiveTasksTest, KnowsWhatWaitsInAQueue) {
  const TaskRef mail = Queued("a", "mail");
  const TaskRef started = Queued("b", "mail");
  started->TryAdvance(TaskPhase::kQueued, TaskPhase::kStarting);
  for (const TaskRef& task : {mail, started, Accepting("c", "mail"), Queued("d")}) {
    live_.Insert(task);
  }
  const std::vector<TaskRef> waiting = live_.WaitingIn("mail");
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_TRUE(waiting[0] == mail);
}

TEST_F(LiveTasksTest, ErasesOnlyTheSameTask) {
  const TaskRef first = Queued("a");
  const TaskRef second = Queued("a");
  live_.Insert(first);
  live_.Erase(*second);
  EXPECT_TRUE(live_.Find(TaskName("default", "a")));
  live_.Erase(*first);
  EXPECT_FALSE(live_.Find(TaskName("default", "a")));
  EXPECT_TRUE(live_.Insert(second));
}

TEST_F(LiveTasksTest, CountsByPhase) {
  const TaskRef running = Queued("r");
  running->TryAdvance(TaskPhase::kQueued, TaskPhase::kRunning);
  live_.Insert(running);
  live_.Insert(Queued("a"));
  live_.Insert(Accepting("b"));
  EXPECT_EQ(live_.Counts().running, 1u);
  EXPECT_EQ(live_.Counts().waiting, 2u);
}

TEST_F(LiveTasksTest, KeepsAllThroughGrowthAndShrinking) {
  constexpr int kTasks = 20'000;
  std::vector<TaskRef> tasks;
  for (int i = 0; i < kTasks; ++i) {
    tasks.push_back(Queued(absl::StrCat("t", i)));
    live_.Insert(tasks.back());
  }
  for (int i = 0; i < kTasks; ++i) {
    if (i % 100 != 0) live_.Erase(*tasks[i]);
  }
  EXPECT_EQ(live_.size(), kTasks / 100u);
  for (int i = 0; i < kTasks; i += 100) EXPECT_TRUE(live_.Find(tasks[i]->name()) == tasks[i]);
}

TEST_F(LiveTasksTest, OneOfManyThreadsGetsAName) {
  for (int threads : {1, 2, 8}) {
    std::atomic<int> inserted{0};
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&] {
        for (int i = 0; i < 200; ++i) {
          const TaskRef task = Queued(absl::StrCat(threads, "-", i));
          if (live_.Insert(task)) inserted.fetch_add(1);
          EXPECT_TRUE(live_.Find(task->name()));
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
    EXPECT_EQ(inserted.load(), 200) << threads;
  }
}

}  // namespace
}  // namespace taskforge

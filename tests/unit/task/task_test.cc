#include "task/task.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace taskforge {
namespace {

class CountingRunner final : public TaskRunner {
 public:
  bool Run(TaskRef task, const Dispatch&) override {
    ++runs;
    return task->TryAdvance(TaskPhase::kQueued, TaskPhase::kStarting);
  }
  int runs = 0;
};

class CountingLedger final : public AdmissionLedger {
 public:
  void GiveBack(size_t, size_t bytes) override {
    ++places;
    returned += bytes;
  }
  int places = 0;
  size_t returned = 0;
};

class TaskTest : public ::testing::Test {
 protected:
  TaskRef Make(Admission admission = {}) {
    Ref<TaskRecord> record = MakeRef<TaskRecord>();
    record->spec = MakeRef<TaskSpec>();
    return MakeRef<Task>(std::move(record), std::move(admission), runner_);
  }
  static TaskRecordPtr End(Task& task) {
    return task.Seal([](TaskRecord& record) { record.state = TaskState::kSucceeded; });
  }

  CountingRunner runner_;
  CountingLedger ledger_;
};

TEST_F(TaskTest, OneOfManyWinsEachPhase) {
  for (int threads : {1, 2, 8}) {
    const TaskRef task = Make();
    task->TryAdvance(TaskPhase::kAccepting, TaskPhase::kQueued);
    std::atomic<int> winners{0};
    std::vector<std::thread> racers;
    for (int t = 0; t < threads; ++t) {
      racers.emplace_back([&, t] {
        const TaskPhase to = t % 2 == 0 ? TaskPhase::kStarting : TaskPhase::kCancelling;
        if (task->TryAdvance(TaskPhase::kQueued, to)) winners.fetch_add(1);
      });
    }
    for (std::thread& racer : racers) racer.join();
    EXPECT_EQ(winners.load(), 1);
  }
}

TEST_F(TaskTest, ReleasedWorkRunsTheTaskAndDropsItsReference) {
  TaskRef task = Make();
  task->TryAdvance(TaskPhase::kAccepting, TaskPhase::kQueued);
  Work& work = *task.Leak();
  EXPECT_TRUE(work.run(work, Dispatch{}));
  EXPECT_EQ(runner_.runs, 1);  // That the reference went, ASan's leak check says.
}

TEST_F(TaskTest, AnEndIsHiddenUntilItIsRecorded) {
  const TaskRef task = Make();
  task->Update([](TaskRecord& record) { record.state = TaskState::kRunning; });
  const TaskRecordPtr end = End(*task);
  EXPECT_EQ(task->Snapshot()->state, TaskState::kRunning);
  EXPECT_EQ(task->finished_record(), nullptr);
  task->Finish(end);
  EXPECT_EQ(task->Snapshot()->state, TaskState::kSucceeded);
  EXPECT_EQ(task->finished_record(), end);
}

// Else who saw it meanwhile would take the end for what it had seen.
TEST_F(TaskTest, TheLastRevisionIsShownOnlyWithTheEnd) {
  const TaskRef task = Make();
  const uint64_t before = task->Snapshot()->revision;
  const TaskRecordPtr end = End(*task);
  EXPECT_FALSE(task->Update([](TaskRecord& record) {
    record.history.Edit().progress = Progress{0.5, ""};
  }));
  EXPECT_EQ(task->Snapshot()->revision, before);
  task->Finish(end);
  EXPECT_GT(task->Snapshot()->revision, before);
}

TEST_F(TaskTest, FinishGivesThePlaceBackOnceAndTellsWhoWaits) {
  TaskRef task = Make(Admission(ledger_, 0, 700));
  int before = 0;
  int after = 0;
  task->OnFinished([&](const TaskRecordPtr&) { ++before; });
  task->Finish(End(*task));
  task->OnFinished([&](const TaskRecordPtr&) { ++after; });
  EXPECT_EQ(before, 1);
  EXPECT_EQ(after, 1);
  task = nullptr;
  EXPECT_EQ(ledger_.places, 1);
  EXPECT_EQ(ledger_.returned, 700u);
}

class Listener final : public EndListener {
 public:
  explicit Listener(std::vector<int>& calls) : calls_(calls) {}
  void OnFinished(uint64_t token, const TaskRecordPtr&) override {
    calls_.push_back(static_cast<int>(token));
  }

 private:
  std::vector<int>& calls_;
};

TEST_F(TaskTest, AllWhoWaitForTheEndAreToldOnceInTheirOrder) {
  const TaskRef task = Make();
  std::vector<int> calls;
  const Ref<Listener> listener = MakeRef<Listener>(calls);
  task->OnFinished(Finished(listener, 1));
  task->OnFinished([&calls](const TaskRecordPtr&) { calls.push_back(2); });
  task->OnFinished(Finished(listener, 3));
  EXPECT_TRUE(calls.empty());
  task->Finish(End(*task));
  EXPECT_EQ(calls, (std::vector<int>{1, 2, 3}));
}

// Else a waiting task would cost a record more.
TEST_F(TaskTest, SharesTheAcceptedRecordUntilItChanges) {
  const TaskRef task = Make();
  EXPECT_EQ(task->Snapshot(), task->accepted_record());
  const TaskRecordPtr before = task->Snapshot();
  task->Update([](TaskRecord& record) { record.state = TaskState::kRunning; });
  EXPECT_EQ(before->state, TaskState::kQueued);
  EXPECT_EQ(task->accepted_record(), before);
  EXPECT_EQ(task->Snapshot()->state, TaskState::kRunning);
  EXPECT_EQ(task->Snapshot()->spec, before->spec);
}

TEST_F(TaskTest, ATaskThatGoesUnfinishedGivesItsPlaceBack) {
  Make(Admission(ledger_, 0, 700));
  EXPECT_EQ(ledger_.places, 1);
}

TEST_F(TaskTest, NothingChangesAfterTheEnd) {
  const TaskRef task = Make();
  task->Finish(End(*task));
  EXPECT_FALSE(task->Update([](TaskRecord& record) { record.state = TaskState::kRunning; }));
  EXPECT_EQ(task->Snapshot()->state, TaskState::kSucceeded);
}

// With and without somebody who waits for the end besides.
TEST_F(TaskTest, WatchersAreToldOfTheEndAndThenNoMore) {
  for (const int waiting : {0, 1, 2}) {
    const TaskRef task = Make();
    int ends = 0;
    for (int i = 0; i < waiting; ++i) task->OnFinished([&](const TaskRecordPtr&) { ++ends; });
    int calls = 0;
    task->Watch(std::make_shared<absl::AnyInvocable<void()>>([&calls] { ++calls; }));
    const auto gone = task->Watch(std::make_shared<absl::AnyInvocable<void()>>([] { FAIL(); }));
    task->Unwatch(gone);
    task->Finish(End(*task));
    EXPECT_EQ(calls, 1) << waiting;
    EXPECT_EQ(ends, waiting);
    task->Unwatch(gone);
    EXPECT_FALSE(task->Update([](TaskRecord&) {}));
    EXPECT_EQ(calls, 1) << waiting;
  }
}

TEST_F(TaskTest, WatchersSeeEachChangeAndTheRevisionGrows) {
  const TaskRef task = Make();
  int calls = 0;
  const auto id = task->Watch(std::make_shared<absl::AnyInvocable<void()>>([&calls] { ++calls; }));
  const uint64_t before = task->Snapshot()->revision;
  task->Update([](TaskRecord&) {});
  EXPECT_GT(task->Snapshot()->revision, before);
  EXPECT_EQ(calls, 1);
  task->Unwatch(id);
  task->Update([](TaskRecord&) {});
  EXPECT_EQ(calls, 1);
}

// It is reckoned, not made.
TEST(TaskRecordTest, CostsWhatItsNameTakes) {
  for (const char* id : {"", "invoice-7"}) {
    auto spec = MakeRef<TaskSpec>();
    spec->queue = "mail";
    if (*id != '\0') spec->origin.Edit().task_id = id;
    TaskRecord record;
    record.spec = spec;
    EXPECT_EQ(CostBytes(record), CostBytes(*spec) + record.name().size()) << record.name();
  }
}

}  // namespace
}  // namespace taskforge

#include "lifecycle/task_directory.h"

#include <gtest/gtest.h>

#include "support/lifecycle_fixture.h"

namespace taskforge {
namespace {

class TaskDirectoryTest : public testing::Test, protected LifecycleFixture {
 protected:
  absl::StatusOr<TaskRecordPtr> Get(const std::string& id = "t") {
    absl::StatusOr<TaskRecordPtr> answer = absl::InternalError("no answer");
    directory.Get(TaskName("default", id),
                  [&](absl::StatusOr<TaskRecordPtr> given) { answer = std::move(given); });
    return answer;
  }
  absl::Status Delete(const std::string& id = "t") {
    absl::Status answer = absl::InternalError("no answer");
    directory.Delete(TaskName("default", id),
                     [&](absl::Status given) { answer = std::move(given); });
    return answer;
  }
  std::vector<TaskRecord> List(TaskFilter filter = {}) {
    std::vector<TaskRecord> records;
    directory.List(filter, 100, "",
                   [&](absl::StatusOr<TaskPage> page) { records = std::move(page->records); });
    return records;
  }
  // In the store as intake puts it there.
  void Append(const TaskRef& task) {
    TaskStore::Appending appending{task->Snapshot(), [](absl::Status) {}};
    store.Append(absl::MakeSpan(&appending, 1));
  }
};

TEST_F(TaskDirectoryTest, ShowsALivingTaskAsItIs) {
  Append(Submit(Spec()));
  EXPECT_EQ((*Get())->state, TaskState::kQueued);
  auto running = Start();
  EXPECT_EQ((*Get())->state, TaskState::kRunning);
  EXPECT_TRUE(directory.FindLive(TaskName("default", "t")));
  running->done.Succeed({});
  EXPECT_EQ((*Get())->state, TaskState::kSucceeded);
  EXPECT_FALSE(directory.FindLive(TaskName("default", "t")));
  EXPECT_EQ(Get("none").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(TaskDirectoryTest, SaysThatATaskWaitsBehindMoreUrgentOnes) {
  const auto reason = [this] { return (*Get())->wait_reason; };
  const TaskRef low = Submit(Spec());
  Append(low);
  EXPECT_EQ(reason(), WaitReason::kQueue);
  TaskSpec urgent = Spec();
  urgent.priority = Priority::kHigh;
  const TaskRef high = Submit(urgent, "urgent");
  EXPECT_EQ(reason(), WaitReason::kPriority);
  ASSERT_EQ(List().size(), 1u);
  EXPECT_EQ(List()[0].wait_reason, WaitReason::kPriority);
  low->Update([](TaskRecord& record) { record.wait_reason = WaitReason::kNoWorker; });
  EXPECT_EQ(reason(), WaitReason::kNoWorker) << "nobody is there for the urgent one either";
  low->Update([](TaskRecord& record) { record.wait_reason = WaitReason::kQueue; });
  queue.Remove(*high);
  EXPECT_EQ(reason(), WaitReason::kQueue);
}

TEST_F(TaskDirectoryTest, SaysThatTheQueueOfAWaitingTaskIsPaused) {
  const auto reason = [this] { return (*Get())->wait_reason; };
  const TaskRef task = Submit(Spec());
  Append(task);
  queue.SetPaused(true);
  EXPECT_EQ(reason(), WaitReason::kPaused);
  task->Update([](TaskRecord& record) { record.wait_reason = WaitReason::kNoWorker; });
  EXPECT_EQ(reason(), WaitReason::kPaused) << "a worker that comes would not help";
  EXPECT_EQ(task->Snapshot()->wait_reason, WaitReason::kNoWorker) << "shown, not recorded";
  task->Update([](TaskRecord& record) { record.state = TaskState::kScheduled; });
  EXPECT_EQ(reason(), WaitReason::kNoWorker) << "it does not wait for its turn";
  queue.SetPaused(false);
}

TEST_F(TaskDirectoryTest, ListsLivingTasksAsTheyAre) {
  Append(Submit(Spec(), "a"));
  Append(Submit(Spec(), "b"));
  auto running = Start();
  ASSERT_EQ(List().size(), 2u);
  EXPECT_EQ(List()[0].state, TaskState::kRunning);
  TaskFilter filter;
  filter.state = TaskState::kQueued;
  ASSERT_EQ(List(filter).size(), 1u);
  EXPECT_EQ(List(filter)[0].name(), TaskName("default", "b"));
  running->done.Succeed({});
}

TEST_F(TaskDirectoryTest, ACancelledTaskNeverStarts) {
  TaskRef task = Submit(Spec());
  const auto answer = Cancel();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ((*answer)->state, TaskState::kCancelled);
  EXPECT_TRUE((*answer)->history->cancel_requested_time.has_value());
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_FALSE(runner.StartRemote(task, "workers/w").has_value());
  EXPECT_EQ(Stored()->state, TaskState::kCancelled);
  EXPECT_EQ(lifecycle.Stats().cancelled[1], 1u);
}

// The answer comes when the cancel is stored.
TEST_F(TaskDirectoryTest, AnswersACancelWhenItIsStored) {
  Submit(Spec());
  store.HoldAnswers();
  bool answered = false;
  directory.Cancel(TaskName("default", "t"),
                   [&](absl::StatusOr<TaskRecordPtr>) { answered = true; });
  EXPECT_FALSE(answered);
  store.ReleaseAnswers();
  EXPECT_TRUE(answered);
}

TEST_F(TaskDirectoryTest, ARunningTaskIsAskedToStop) {
  Submit(Spec(3));
  auto running = Start();
  const auto answer = Cancel();
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ((*answer)->state, TaskState::kRunning);
  EXPECT_EQ(running->attempt.stop_reason(), StopReason::kCancelled);
  running->done.Fail(Stopped(StopReason::kCancelled));
  EXPECT_EQ(Stored()->state, TaskState::kCancelled);
  EXPECT_EQ(lifecycle.Stats().cancelled[2], 1u);
}

// A server that comes after a crash must know of it.
TEST_F(TaskDirectoryTest, ACancelOfARunningTaskIsAnsweredWhenItIsWritten) {
  TaskSpec spec = Spec();
  spec.requested_durability = Durability::kDurable;
  Submit(spec);
  auto running = Start();
  store.HoldAnswers();
  absl::StatusOr<TaskRecordPtr> answer = absl::InternalError("no answer");
  directory.Cancel(TaskName("default", "t"),
                   [&](absl::StatusOr<TaskRecordPtr> given) { answer = std::move(given); });
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(store.notes().back()->history->cancel_requested_time.has_value());
  EXPECT_EQ(running->attempt.stop_reason(), StopReason::kCancelled) << "this does not wait";
  store.ReleaseAnswers();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ((*answer)->state, TaskState::kRunning);
}

TEST_F(TaskDirectoryTest, AHandlerThatStillSucceedsHasSucceeded) {
  Submit(Spec());
  auto running = Start();
  EXPECT_TRUE(Cancel().ok());
  running->done.Succeed({});
  EXPECT_EQ(Stored()->state, TaskState::kSucceeded);
}

TEST_F(TaskDirectoryTest, ALostAttemptIsNotRunAgainAfterACancel) {
  Submit(Spec());
  auto running = Start();
  EXPECT_TRUE(Cancel().ok());
  running->done.Lose("gone");
  EXPECT_EQ(Stored()->state, TaskState::kCancelled);
  EXPECT_EQ(queue.size(), 0u);
}

TEST_F(TaskDirectoryTest, CancelsATaskInItsBackoff) {
  Submit(Spec(2));
  Start()->done.Fail(ErrorOf("BROKEN"));
  EXPECT_EQ(timer.pending(), 1u);
  EXPECT_TRUE(Cancel().ok());
  EXPECT_EQ(Stored()->state, TaskState::kCancelled);
  EXPECT_EQ(timer.pending(), 0u) << "nothing keeps the task";
  EXPECT_EQ(lifecycle.Stats().cancelled[0], 1u);
}

TEST_F(TaskDirectoryTest, DoesNotCancelWhatHasEnded) {
  Submit(Spec());
  Start()->done.Succeed({});
  EXPECT_EQ(DetailsOf(Cancel().status()).reason, "TASK_ENDED");
  EXPECT_EQ(Cancel("none").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(TaskDirectoryTest, ASecondCancelGetsTheSameAnswer) {
  Submit(Spec());
  auto running = Start();
  EXPECT_TRUE(Cancel().ok());
  const auto first = (*Cancel())->history->cancel_requested_time;
  clock.Advance(absl::Seconds(1));
  EXPECT_EQ((*Cancel())->history->cancel_requested_time, first);
  running->done.Fail(Stopped(StopReason::kCancelled));
}

TEST_F(TaskDirectoryTest, DeletesOnlyWhatHasEnded) {
  Submit(Spec());
  EXPECT_EQ(DetailsOf(Delete()).reason, "TASK_NOT_ENDED");
  Start()->done.Succeed({});
  EXPECT_TRUE(Delete().ok());
  EXPECT_EQ(Get().status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace taskforge

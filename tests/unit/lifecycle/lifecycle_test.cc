#include "lifecycle/lifecycle.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/scoped_blocking.h"
#include "support/lifecycle_fixture.h"

namespace taskforge {
namespace {

class LifecycleTest : public testing::Test, protected LifecycleFixture {};

TEST_F(LifecycleTest, RecordsASuccess) {
  TaskRef task = Submit(Spec());
  clock.Advance(absl::Seconds(1));
  auto running = Start();
  clock.Advance(absl::Seconds(2));
  Payload output;
  output.data = "out";
  EXPECT_TRUE(running->done.Succeed(output));
  const TaskRecordPtr record = Stored();
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->state, TaskState::kSucceeded);
  EXPECT_EQ(record->history->output->data, "out");
  EXPECT_EQ(record->history->run_ns, 2'000'000'000);
  EXPECT_EQ(record->history->queue_wait_ns, 1'000'000'000);
  EXPECT_EQ(record->history->end_time, clock.Now());
  EXPECT_EQ(record->history->attempts[0].ended_time, clock.Now());
  EXPECT_EQ(record->history->expire_time, clock.Now() + absl::Hours(1));
  EXPECT_EQ(task->finished_record(), record);
  EXPECT_EQ(live.size(), 0u);
  EXPECT_EQ(ledger.given_back.Sum(), 1u);
  EXPECT_EQ(task->running().get(), nullptr);
  EXPECT_EQ(events.states(), (std::vector{TaskState::kRunning, TaskState::kSucceeded}));
}

// Invariants: no result is told before it is stored, and the task counts as running until then.
TEST_F(LifecycleTest, TellsNobodyBeforeTheStoreHasIt) {
  TaskRef task = Submit(Spec());
  bool finished = false;
  task->OnFinished([&](const TaskRecordPtr&) { finished = true; });
  store.HoldAnswers();
  Start()->done.Succeed({});
  EXPECT_FALSE(finished);
  EXPECT_EQ(task->Snapshot()->state, TaskState::kRunning);
  EXPECT_EQ(live.size(), 1u);
  EXPECT_EQ(ledger.given_back.Sum(), 0u);
  EXPECT_EQ(events.states(), std::vector{TaskState::kRunning});
  store.ReleaseAnswers();
  EXPECT_TRUE(finished);
  EXPECT_EQ(live.size(), 0u);
  EXPECT_EQ(events.states().size(), 2u);
}

TEST_F(LifecycleTest, TriesAgainWhileTheStoreFails) {
  TaskRef task = Submit(Spec());
  store.FailNext(2);
  Start()->done.Succeed({});
  EXPECT_EQ(task->finished_record(), nullptr);
  clock.Advance(absl::Seconds(1));
  EXPECT_NE(task->finished_record(), nullptr);
  EXPECT_EQ(lifecycle.Stats().store_retries, 2u);
  EXPECT_EQ(store.completions(task->name()), 1);
}

TEST_F(LifecycleTest, SaysWhichTaskALineIsAbout) {
  TaskSpec spec = Spec();
  spec.origin.Edit().x_request_id = "r-17";
  spec.origin.Edit().traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  Submit(spec);
  store.RefuseNext(absl::AbortedError("fenced"));
  Start()->done.Succeed({});
  ASSERT_EQ(log.lines().size(), 1u);
  EXPECT_EQ(log.lines()[0].text,
            "the store refused the end of a task task=queues/default/tasks/t request_id=r-17 "
            "trace_id=0af7651916cd43dd8448eb211c80319c status=ABORTED: fenced");
}

TEST_F(LifecycleTest, RecordsAFailure) {
  Submit(Spec());
  Start()->done.Fail(ErrorOf("BROKEN"));
  EXPECT_EQ(Stored()->state, TaskState::kFailed);
  EXPECT_EQ(Stored()->history->error->reason, "BROKEN");
  EXPECT_EQ(Stored()->history->attempts[0].error->reason, "BROKEN");
  EXPECT_EQ(Stored()->history->expire_time, clock.Now() + absl::Hours(24));
}

TEST_F(LifecycleTest, KeepsAResultForItsTtl) {
  TaskSpec spec = Spec();
  spec.terms.Edit().result_ttl = absl::Minutes(3);
  Submit(spec);
  Start()->done.Succeed({});
  EXPECT_EQ(Stored()->history->expire_time, clock.Now() + absl::Minutes(3));
}

TEST_F(LifecycleTest, RefusesAnOutputThatIsTooLarge) {
  Submit(Spec(3));
  Payload output;
  output.data = std::string((1 << 20) + 1, 'x');
  Start()->done.Succeed(output);
  EXPECT_EQ(Stored()->state, TaskState::kFailed);
  EXPECT_EQ(Stored()->history->error->reason, "OUTPUT_TOO_LARGE");
  EXPECT_FALSE(Stored()->history->output.has_value());
}

TEST_F(LifecycleTest, RetriesAfterTheBackoff) {
  TaskRef task = Submit(Spec(2));
  Start()->done.Fail(ErrorOf("BROKEN"));
  TaskRecord waiting = *task->Snapshot();
  EXPECT_EQ(waiting.state, TaskState::kScheduled);
  EXPECT_EQ(waiting.wait_reason, WaitReason::kRetryBackoff);
  EXPECT_EQ(waiting.history->next_attempt_time, clock.Now() + absl::Seconds(1));
  EXPECT_EQ(task->phase(), TaskPhase::kQueued);
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_EQ(ledger.given_back.Sum(), 0u) << "its place is held";
  clock.Advance(absl::Seconds(1));
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(task->Snapshot()->state, TaskState::kQueued);
  auto second = Start();
  EXPECT_EQ(second->attempt.number(), 2);
  second->done.Succeed({});
  EXPECT_EQ(Stored()->state, TaskState::kSucceeded);
  EXPECT_EQ(Stored()->history->attempts.size(), 2u);
  EXPECT_FALSE(Stored()->history->error.has_value());
  EXPECT_EQ(events.states(),
            (std::vector{TaskState::kRunning, TaskState::kScheduled, TaskState::kQueued,
                         TaskState::kRunning, TaskState::kSucceeded}));
  EXPECT_EQ(lifecycle.Stats().retried.at(0).count, 1u);
}

TEST_F(LifecycleTest, FailsWhenItsAttemptsAreUsedUp) {
  Submit(Spec(2));
  Start()->done.Fail(ErrorOf("FIRST"));
  clock.Advance(absl::Seconds(1));
  Start()->done.Fail(ErrorOf("SECOND"));
  EXPECT_EQ(Stored()->state, TaskState::kFailed);
  EXPECT_EQ(Stored()->history->error->reason, "SECOND");
}

TEST_F(LifecycleTest, DoesNotRetryPastTheDeadline) {
  TaskSpec spec = Spec(2);
  spec.terms.Edit().deadline = clock.Now() + absl::Milliseconds(500);
  Submit(spec);
  Start()->done.Fail(ErrorOf("BROKEN"));
  EXPECT_EQ(Stored()->history->error->reason, "BROKEN");
}

TEST_F(LifecycleTest, ExpiresARetryThatWaitsPastItsDeadline) {
  TaskSpec spec = Spec(2);
  spec.terms.Edit().deadline = clock.Now() + absl::Seconds(5);
  Submit(spec);
  Start()->done.Fail(ErrorOf("BROKEN"));
  clock.Advance(absl::Seconds(5));
  ASSERT_NE(Stored(), nullptr);
  EXPECT_EQ(Stored()->state, TaskState::kExpired);
  EXPECT_EQ(Stored()->history->error->reason, "DEADLINE");
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_EQ(lifecycle.Stats().expired[1], 1u);
}

TEST_F(LifecycleTest, RunsALostAttemptAgainAtOnceAndFirst) {
  TaskRef task = Submit(Spec());
  auto running = Start();
  Submit(Spec(), "behind");
  running->done.Lose("gone");
  EXPECT_EQ(task->Snapshot()->state, TaskState::kQueued);
  EXPECT_TRUE(task->Snapshot()->history->attempts[0].lost);
  auto again = Start();
  EXPECT_EQ(again->attempt.task_name(), task->name());
  EXPECT_EQ(again->attempt.number(), 2);
  again->done.Succeed({});
  EXPECT_EQ(Stored()->state, TaskState::kSucceeded);
  EXPECT_EQ(lifecycle.Stats().lost_attempts, 1u);
}

// What is on the disk goes on with the next server: each stop takes an attempt, and none counts.
TEST_F(LifecycleTest, AnAttemptThatAStopTookCountsForNothing) {
  TaskSpec spec = Spec();
  spec.requested_durability = Durability::kDurable;
  TaskRef task = Submit(spec);
  for (int i = 0; i < 10; ++i) {
    auto running = Start();
    ASSERT_TRUE(running.has_value()) << i;
    live.StopRunning(StopReason::kShutdown);
    running->done.Fail(ErrorOf("STOPPED"));
    EXPECT_EQ(task->Snapshot()->state, TaskState::kQueued);
    EXPECT_EQ(task->Snapshot()->history->attempts.back().error->reason, kShutdownReason);
  }
  Start()->done.Succeed({});
  EXPECT_EQ(Stored()->state, TaskState::kSucceeded);
}

TEST_F(LifecycleTest, AStopEndsWhatIsInMemoryOnly) {
  Submit(Spec());
  auto running = Start();
  live.StopRunning(StopReason::kShutdown);
  running->done.Fail(ErrorOf("STOPPED"));
  EXPECT_EQ(Stored()->state, TaskState::kFailed);
  EXPECT_EQ(Stored()->history->error->reason, "STOPPED");
}

TEST_F(LifecycleTest, NotesWhatHappensToATaskThatIsKept) {
  TaskSpec spec = Spec(2);
  spec.requested_durability = Durability::kDurable;
  Submit(spec);
  auto running = Start();
  ASSERT_EQ(store.notes().size(), 1u);
  EXPECT_EQ(store.notes()[0]->state, TaskState::kRunning);
  running->done.Fail(ErrorOf("BROKEN"));
  ASSERT_EQ(store.notes().size(), 2u);
  EXPECT_EQ(store.notes()[1]->state, TaskState::kScheduled);
  EXPECT_EQ(store.notes()[1]->history->attempts.size(), 1u);
  clock.Advance(absl::Seconds(1));
  running = Start();
  running->done.Lose("gone");
  ASSERT_EQ(store.notes().size(), 4u);
  EXPECT_EQ(store.notes()[3]->state, TaskState::kQueued);
}

// As when its files are found damaged: a restart would not know of the end.
TEST_F(LifecycleTest, AnEndThatTheStoreDidNotKeepIsToldToNobody) {
  for (const absl::Status& trouble :
       {absl::DataLossError("damaged"), absl::InternalError("?"), absl::UnknownError("?"),
        absl::ResourceExhaustedError("full"), absl::UnavailableError("failed")}) {
    const std::string id = absl::StrCat("t", static_cast<int>(trouble.code()));
    TaskRef task = Submit(Spec(), id);
    auto running = Start();
    store.RefuseNext(trouble);
    running->done.Succeed({});
    EXPECT_EQ(task->finished_record(), nullptr) << trouble;
    EXPECT_TRUE(live.Find(task->name())) << trouble;
    clock.Advance(LifecycleOptions().store_retry_interval);
    ASSERT_NE(task->finished_record(), nullptr) << trouble;
    EXPECT_EQ(Stored(id)->state, TaskState::kSucceeded);
  }
}

// It may be what ended the last server: if it does so again, it is known to have begun.
TEST_F(LifecycleTest, ARecoveredTaskBeginsOnlyWhenThatIsWritten) {
  TaskSpec spec = Spec();
  spec.requested_durability = Durability::kDurable;
  TaskRef task = Submit(spec);
  task->is_recovered = true;
  store.HoldAnswers();
  std::atomic<bool> has_begun{false};
  std::optional<RemoteAttempt> running;
  std::thread starter([&] {
    running = Start();
    has_begun.store(true);
  });
  while (store.notes().empty()) std::this_thread::yield();
  EXPECT_EQ(store.notes()[0]->state, TaskState::kRunning);
  EXPECT_FALSE(has_begun.load());
  store.ReleaseAnswers();
  starter.join();
  running->done.Succeed({});
  EXPECT_EQ(Stored()->state, TaskState::kSucceeded);
}

TEST_F(LifecycleTest, AThreadThatMustNotWaitBeginsARecoveredTaskAtOnce) {
  TaskSpec spec = Spec();
  spec.requested_durability = Durability::kDurable;
  Submit(spec)->is_recovered = true;
  store.HoldAnswers();
  const NonBlockingThread this_one;
  auto running = Start();
  ASSERT_TRUE(running.has_value());
  store.ReleaseAnswers();
  running->done.Succeed({});
}

TEST_F(LifecycleTest, NotesNothingOfATaskInMemory) {
  Submit(Spec());
  Start()->done.Succeed({});
  EXPECT_TRUE(store.notes().empty());
}

TEST_F(LifecycleTest, PoisonsATaskThatLosesTooManyWorkers) {
  Submit(Spec());
  for (int i = 0; i < 4; ++i) {
    auto running = Start();
    ASSERT_TRUE(running.has_value()) << i;
    running->done.Lose("gone");
  }
  EXPECT_EQ(Stored()->state, TaskState::kFailed);
  EXPECT_EQ(Stored()->history->error->reason, "POISONED");
  EXPECT_EQ(Stored()->history->attempts.size(), 4u);
}

TEST_F(LifecycleTest, LostAttemptsDoNotUseUpRetries) {
  Submit(Spec(2));
  Start()->done.Lose("gone");
  Start()->done.Fail(ErrorOf("BROKEN"));
  EXPECT_EQ(Stored(), nullptr);
  clock.Advance(absl::Seconds(1));
  Start()->done.Succeed({});
  EXPECT_EQ(Stored()->state, TaskState::kSucceeded);
}

TEST_F(LifecycleTest, ATimeOutIsRetried) {
  TaskSpec spec = Spec(2);
  spec.terms.Edit().run_timeout = absl::Seconds(1);
  Submit(spec);
  auto running = Start();
  clock.Advance(absl::Seconds(6));
  EXPECT_EQ(Stored(), nullptr);
  EXPECT_FALSE(running->done.Succeed({})) << "too late";
  clock.Advance(absl::Seconds(1));
  Start()->done.Succeed({});
  EXPECT_EQ(Stored()->history->attempts[0].error->reason, "TIMEOUT");
  EXPECT_EQ(Stored()->state, TaskState::kSucceeded);
}

TEST_F(LifecycleTest, EndsATaskThatExpires) {
  TaskRef task = Submit(Spec());
  task->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling);
  lifecycle.EndUnstarted(task, TaskState::kExpired, "QUEUE_TIMEOUT");
  EXPECT_EQ(Stored()->state, TaskState::kExpired);
  EXPECT_EQ(Stored()->history->error->reason, "QUEUE_TIMEOUT");
  EXPECT_EQ(task->phase(), TaskPhase::kEnded);
  EXPECT_EQ(ledger.given_back.Sum(), 1u);
}

}  // namespace
}  // namespace taskforge

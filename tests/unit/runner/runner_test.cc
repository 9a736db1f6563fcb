#include "runner/runner.h"

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "handlers/built_in.h"
#include "support/capturing_log.h"
#include "support/fake_clock.h"
#include "support/fake_task_parts.h"
#include "support/fake_timer.h"

namespace taskforge {
namespace {

// Keeps what it was started with; the test completes it. Thread-safe.
class ManualHandler final : public Handler {
 public:
  HandlerInfo info() const override {
    HandlerInfo info;
    info.name = "manual";
    return info;
  }
  void Start(Attempt attempt, Completion done) override {
    MutexLock lock(mu_);
    started_.push_back({std::move(attempt), std::move(done)});
  }
  RemoteAttempt Take() {
    MutexLock lock(mu_);
    RemoteAttempt taken = std::move(started_.back());
    started_.pop_back();
    return taken;
  }

 private:
  Mutex mu_;
  std::vector<RemoteAttempt> started_ ABSL_GUARDED_BY(mu_);
};

class RunnerTest : public testing::Test {
 protected:
  RunnerTest() {
    auto manual = std::make_unique<ManualHandler>();
    manual_ = manual.get();
    registrations_.push_back(*registry_.Register(std::move(manual)));
    registrations_.push_back(*registry_.Register(MakeEchoHandler()));
    EXPECT_TRUE(registry_.RegisterRemote("remote", "").ok());
  }

  TaskRef Queued(TaskSpec spec) { return QueuedTask(std::move(spec), runner_, clock_); }
  bool Run(const TaskRef& task) {
    Dispatch dispatch;
    dispatch.started = clock_.Monotonic();
    dispatch.number = 42;
    dispatch.counted = 42;
    dispatch.seats = 3;
    dispatch.seat = 1;
    return runner_.Run(task, dispatch);
  }
  static TaskError ErrorOf(const AttemptEnd& end) { return std::get<TaskError>(end.result); }

  FakeClock clock_;
  FakeTimer timer_{clock_};
  CapturingLog log_;
  HandlerRegistry registry_;
  std::vector<HandlerRegistration> registrations_;
  ManualHandler* manual_ = nullptr;
  RecordingAttemptSink sink_;
  RecordingEnder ender_;
  Runner runner_{RunnerOptions(), 9, {registry_, sink_, ender_, clock_, timer_, log_}};
};

TEST_F(RunnerTest, RunsATaskToItsEnd) {
  TaskSpec spec = SpecOf("echo");
  spec.input.data = "hello";
  TaskRef task = Queued(spec);
  task->ahead = 5;
  task->enqueued_dispatch = 40;
  clock_.Advance(absl::Milliseconds(3));
  EXPECT_TRUE(Run(task));
  ASSERT_EQ(sink_.ends().size(), 1u);
  EXPECT_EQ(std::get<Payload>(sink_.ends()[0].result).data, "hello");
  EXPECT_EQ(sink_.started(), 1);
  const TaskRecord record = *task->Snapshot();
  EXPECT_EQ(record.state, TaskState::kRunning);
  EXPECT_EQ(record.history->queue_wait_ns, 3'000'000);
  ASSERT_EQ(record.history->attempts.size(), 1u);
  const AttemptRecord& attempt = record.history->attempts[0];
  EXPECT_EQ(attempt.number, 1);
  EXPECT_EQ(attempt.executor, "pool/seat-1");
  EXPECT_EQ(attempt.started_time - attempt.queued_time, absl::Milliseconds(3));
  EXPECT_EQ(attempt.enqueued_dispatch, 40u);
  EXPECT_EQ(attempt.started_dispatch, 42u);
  EXPECT_EQ(attempt.ahead, 5u);
  EXPECT_EQ(attempt.seats, 3u);
  EXPECT_EQ(registry_.Get("echo")->running, 0u);
  EXPECT_EQ(timer_.pending(), 0u);
}

TEST_F(RunnerTest, ATaskThatItsGateHoldsGoesBackAsItWas) {
  class HoldingGate final : public StartGate {
   public:
    bool TakeBack(const TaskRef& task) override {
      if (is_closed) taken.push_back(task);
      return is_closed;
    }
    bool is_closed = true;
    std::vector<TaskRef> taken;
  };
  HoldingGate gate;
  Runner runner(RunnerOptions(), 9,
                {registry_, sink_, ender_, clock_, timer_, log_, nullptr, &gate});
  const TaskRef task = QueuedTask(SpecOf("echo"), runner, clock_);
  Dispatch dispatch;
  dispatch.started = clock_.Monotonic();
  EXPECT_FALSE(runner.Run(task, dispatch)) << "it is no dispatch";
  ASSERT_EQ(gate.taken.size(), 1u);
  EXPECT_TRUE(gate.taken[0] == task);
  EXPECT_EQ(task->phase(), TaskPhase::kQueued);
  EXPECT_EQ(runner.stats().unstarted, 0u);
  gate.is_closed = false;
  EXPECT_TRUE(runner.Run(task, dispatch));
  EXPECT_EQ(sink_.ends().size(), 1u);
}

TEST_F(RunnerTest, DoesNotStartACancelledTask) {
  TaskRef task = Queued(SpecOf("echo"));
  task->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling);
  EXPECT_FALSE(Run(task));
  EXPECT_TRUE(sink_.ends().empty());
  EXPECT_TRUE(ender_.ends().empty()) << "whoever cancelled it ends it";
  EXPECT_EQ(runner_.stats().unstarted, 1u);
}

TEST_F(RunnerTest, EndsATaskWhoseCancelWasRequestedBeforeTheStart) {
  TaskRef task = Queued(SpecOf("echo"));
  task->Update(
      [&](TaskRecord& record) { record.history.Edit().cancel_requested_time = clock_.Now(); });
  EXPECT_FALSE(Run(task));
  ASSERT_EQ(ender_.ends().size(), 1u);
  EXPECT_EQ(ender_.ends()[0].first, TaskState::kCancelled);
  EXPECT_TRUE(task->Snapshot()->history->attempts.empty());
}

TEST_F(RunnerTest, ExpiresATaskPastItsDeadline) {
  TaskSpec spec = SpecOf("echo");
  spec.terms.Edit().deadline = clock_.Now() + absl::Seconds(1);
  TaskRef task = Queued(spec);
  clock_.Advance(absl::Seconds(1));
  EXPECT_FALSE(Run(task));
  EXPECT_EQ(ender_.ends()[0], std::pair(TaskState::kExpired, std::string("DEADLINE")));
}

TEST_F(RunnerTest, ExpiresATaskPastItsQueueTimeout) {
  TaskSpec spec = SpecOf("echo");
  spec.terms.Edit().queue_timeout = absl::Seconds(1);
  TaskRef task = Queued(spec);
  clock_.Advance(absl::Seconds(1));
  EXPECT_FALSE(Run(task));
  EXPECT_EQ(ender_.ends()[0], std::pair(TaskState::kExpired, std::string("QUEUE_TIMEOUT")));
}

TEST_F(RunnerTest, AppliesTheQueueTimeoutToTheFirstAttemptOnly) {
  TaskSpec spec = SpecOf("echo");
  spec.terms.Edit().queue_timeout = absl::Seconds(1);
  TaskRef task = Queued(spec);
  task->Update([](TaskRecord& record) { record.history.Edit().attempts.emplace_back(); });
  clock_.Advance(absl::Hours(1));
  EXPECT_TRUE(Run(task));
}

TEST_F(RunnerTest, DropsTheTimerOfTheWait) {
  TaskRef task = Queued(SpecOf("echo"));
  task->timer_id = timer_.ScheduleAt(MonoTime::Max(), [] {});
  Run(task);
  EXPECT_EQ(timer_.pending(), 0u);
}

TEST_F(RunnerTest, FailsATaskWithoutHandler) {
  Run(Queued(SpecOf("none")));
  ASSERT_EQ(sink_.ends().size(), 1u);
  EXPECT_EQ(ErrorOf(sink_.ends()[0]).reason, "HANDLER_UNKNOWN");
  EXPECT_FALSE(ErrorOf(sink_.ends()[0]).retryable);
}

TEST_F(RunnerTest, StopsAtRunTimeoutAndSaysWhy) {
  TaskSpec spec = SpecOf("manual");
  spec.terms.Edit().run_timeout = absl::Seconds(10);
  TaskRef task = Queued(spec);
  Run(task);
  RemoteAttempt running = manual_->Take();
  EXPECT_EQ(running.attempt.stop_time(), clock_.Monotonic() + absl::Seconds(10));
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(running.attempt.stop_reason(), StopReason::kTimeout);
  EXPECT_TRUE(running.done.Fail(Stopped(StopReason::kTimeout)));
  EXPECT_EQ(ErrorOf(sink_.ends()[0]).reason, "TIMEOUT");
  EXPECT_TRUE(ErrorOf(sink_.ends()[0]).retryable);
  EXPECT_EQ(timer_.pending(), 0u);
}

TEST_F(RunnerTest, KeepsASuccessThatCameWithinTheGrace) {
  TaskSpec spec = SpecOf("manual");
  spec.terms.Edit().run_timeout = absl::Seconds(10);
  Run(Queued(spec));
  RemoteAttempt running = manual_->Take();
  clock_.Advance(absl::Seconds(12));
  EXPECT_TRUE(running.done.Succeed({}));
  EXPECT_TRUE(std::holds_alternative<Payload>(sink_.ends()[0].result));
  EXPECT_EQ(runner_.stats().timed_out, 1u);
  EXPECT_EQ(runner_.stats().abandoned, 0u);
}

TEST_F(RunnerTest, AbandonsAfterTheGraceAndRefusesWhatComesLate) {
  TaskSpec spec = SpecOf("manual");
  spec.terms.Edit().run_timeout = absl::Seconds(10);
  Run(Queued(spec));
  RemoteAttempt running = manual_->Take();
  clock_.Advance(absl::Seconds(15));
  ASSERT_EQ(sink_.ends().size(), 1u);
  EXPECT_EQ(ErrorOf(sink_.ends()[0]).reason, "TIMEOUT");
  EXPECT_EQ(sink_.ends()[0].run_ns, 15'000'000'000);
  EXPECT_FALSE(running.done.Succeed({}));
  EXPECT_EQ(sink_.ends().size(), 1u);
  EXPECT_EQ(runner_.stats().abandoned, 1u);
  EXPECT_EQ(runner_.stats().refused, 1u);
}

// Keeps what it was told. Thread-safe: used by one thread.
class RecordingThreadOwner final : public ThreadOwner {
 public:
  bool Abandon(int seat, uint64_t ticket) override {
    abandoned.emplace_back(seat, ticket);
    return true;
  }
  std::vector<std::pair<int, uint64_t>> abandoned;
};

// Only for attempts that began on a thread of the pool and did not heed their stop.
TEST_F(RunnerTest, TellsThePoolOfAThreadThatAnAbandonedAttemptMayHold) {
  RecordingThreadOwner pool;
  Runner runner(RunnerOptions(), 9, {registry_, sink_, ender_, clock_, timer_, log_, &pool});
  TaskSpec spec = SpecOf("manual");
  spec.terms.Edit().run_timeout = absl::Seconds(10);
  Dispatch dispatch;
  dispatch.started = clock_.Monotonic();
  dispatch.seat = 3;
  dispatch.ticket = 77;
  ASSERT_TRUE(runner.Run(QueuedTask(spec, runner, clock_), dispatch));
  RemoteAttempt stuck = manual_->Take();
  ASSERT_TRUE(runner.Run(QueuedTask(spec, runner, clock_), dispatch));
  RemoteAttempt heeding = manual_->Take();
  spec.handler = "remote";
  std::optional<RemoteAttempt> remote =
      runner.StartRemote(QueuedTask(spec, runner, clock_), "worker");
  ASSERT_TRUE(remote.has_value());
  clock_.Advance(absl::Seconds(12));
  EXPECT_TRUE(heeding.done.Succeed({}));
  EXPECT_TRUE(pool.abandoned.empty()) << "not before the grace is over";
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(runner.stats().abandoned, 2u);
  EXPECT_EQ(pool.abandoned, (std::vector<std::pair<int, uint64_t>>{{3, 77}}));
  stuck.done.Succeed({});
  remote->done.Succeed({});
}

TEST_F(RunnerTest, ADeadlineIsFinal) {
  TaskSpec spec = SpecOf("manual");
  spec.terms.Edit().run_timeout = absl::Seconds(10);
  spec.terms.Edit().deadline = clock_.Now() + absl::Seconds(5);
  Run(Queued(spec));
  RemoteAttempt running = manual_->Take();
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(ErrorOf(sink_.ends()[0]).reason, "DEADLINE");
  EXPECT_FALSE(ErrorOf(sink_.ends()[0]).retryable);
  running.done.Succeed({});
}

TEST_F(RunnerTest, DropsItsTimerWhenTheAttemptEnds) {
  TaskSpec spec = SpecOf("manual");
  spec.terms.Edit().run_timeout = absl::Seconds(10);
  Run(Queued(spec));
  EXPECT_EQ(timer_.pending(), 1u);
  manual_->Take().done.Succeed({});
  EXPECT_EQ(timer_.pending(), 0u);
}

TEST_F(RunnerTest, ShowsProgressWhileItRuns) {
  TaskRef task = Queued(SpecOf("manual"));
  Run(task);
  RemoteAttempt running = manual_->Take();
  running.attempt.ReportProgress({0.5, "half"});
  EXPECT_EQ(task->Snapshot()->history->progress, (Progress{0.5, "half"}));
  running.done.Succeed({});
  running.attempt.ReportProgress({0.7, "late"});
  EXPECT_EQ(task->Snapshot()->history->progress, (Progress{0.5, "half"}));
}

TEST_F(RunnerTest, GivesTheFence) {
  TaskRef task = Queued(SpecOf("manual"));
  Run(task);
  RemoteAttempt running = manual_->Take();
  EXPECT_EQ(running.attempt.fence(), (Fence{task->name(), 9, 1}));
  running.done.Succeed({});
}

TEST_F(RunnerTest, StartsRemoteAttempts) {
  TaskRef task = Queued(SpecOf("remote"));
  auto remote = runner_.StartRemote(task, "workers/w");
  ASSERT_TRUE(remote.has_value());
  EXPECT_EQ(task->phase(), TaskPhase::kRunning);
  EXPECT_EQ(task->Snapshot()->history->attempts[0].executor, "workers/w");
  EXPECT_EQ(task->Snapshot()->history->attempts[0].started_dispatch, 0u);
  EXPECT_EQ(registry_.Get("remote")->running, 1u);
  EXPECT_TRUE(remote->done.Lose("gone"));
  EXPECT_TRUE(sink_.ends()[0].lost);
  EXPECT_EQ(registry_.Get("remote")->running, 0u);
  EXPECT_FALSE(runner_.StartRemote(task, "workers/w").has_value());
}

TEST_F(RunnerTest, ALostAttemptStaysLostAfterATimeOut) {
  TaskSpec spec = SpecOf("remote");
  spec.terms.Edit().run_timeout = absl::Seconds(1);
  auto remote = runner_.StartRemote(Queued(spec), "workers/w");
  clock_.Advance(absl::Seconds(2));
  remote->done.Lose("gone");
  EXPECT_EQ(ErrorOf(sink_.ends()[0]).reason, "LOST");
}

TEST_F(RunnerTest, ADroppedCompletionIsAFailure) {
  Run(Queued(SpecOf("manual")));
  { RemoteAttempt dropped = manual_->Take(); }
  EXPECT_EQ(ErrorOf(sink_.ends()[0]).reason, "LOST");
  EXPECT_FALSE(sink_.ends()[0].lost);
}

// Throws out of Start, as no handler should. Thread-safe.
class ThrowingHandler final : public Handler {
 public:
  HandlerInfo info() const override {
    HandlerInfo info;
    info.name = "throws";
    return info;
  }
  void Start(Attempt, Completion) override { throw std::runtime_error("oops"); }
};

TEST_F(RunnerTest, SaysWhichTaskALineIsAbout) {
  registrations_.push_back(*registry_.Register(std::make_unique<ThrowingHandler>()));
  TaskSpec spec = SpecOf("throws");
  spec.origin.Edit().x_request_id = "r-17";
  spec.origin.Edit().traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const std::string about =
      " task=queues/default/tasks/t request_id=r-17 trace_id=0af7651916cd43dd8448eb211c80319c";
  Run(Queued(spec));
  ASSERT_EQ(log_.lines().size(), 1u);
  EXPECT_EQ(log_.lines()[0].text,
            "a handler threw out of Start" + about + " handler=throws what=oops");
  EXPECT_EQ(log_.lines()[0].level, LogLevel::kError);

  spec.handler = "manual";
  spec.terms.Edit().run_timeout = absl::Seconds(10);
  Run(Queued(spec));
  RemoteAttempt running = manual_->Take();
  clock_.Advance(absl::Seconds(15));
  ASSERT_EQ(log_.lines().size(), 2u);
  EXPECT_EQ(log_.lines()[1].text, "abandoned an attempt that did not stop in time" + about +
                                      " attempt=1 handler=manual thread_lost=false grace=5s");
  running.done.Succeed({});
}

// A task reaches a cancel and a start at the same time: exactly one has it. An attempt reaches its
// result, its time-out and its loss at the same time: it ends once.
TEST_F(RunnerTest, RacesEndEachAttemptOnce) {
  for (const int threads : {1, 2, 8}) {
    const size_t before = sink_.ends().size();
    constexpr size_t kRounds = 30;
    for (size_t round = 0; round < kRounds; ++round) {
      TaskSpec spec = SpecOf("manual");
      spec.terms.Edit().run_timeout = absl::Nanoseconds(1);
      TaskRef task = Queued(spec);
      Run(task);
      RemoteAttempt running = manual_->Take();
      const Ref<RunningAttempt> attempt = task->running();
      std::vector<std::thread> others;
      for (int i = 0; i < threads; ++i) {
        others.emplace_back([&, i] {
          if (i == 0) clock_.Advance(absl::Seconds(6));
          if (i > 0) attempt->RequestStop(StopReason::kCancelled);
        });
      }
      running.done.Succeed({});
      for (std::thread& other : others) other.join();
    }
    EXPECT_EQ(sink_.ends().size() - before, kRounds);
  }
}

TEST_F(RunnerTest, RacesOfCancelAndStartHaveOneWinner) {
  for (int round = 0; round < 100; ++round) {
    TaskRef task = Queued(SpecOf("echo"));
    bool cancelled = false;
    std::thread canceller(
        [&] { cancelled = task->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling); });
    const bool started = Run(task);
    canceller.join();
    ASSERT_NE(started, cancelled);
  }
}

}  // namespace
}  // namespace taskforge

#include "lifecycle/task_explainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "support/fake_release_target.h"
#include "support/lifecycle_fixture.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

Ref<TaskRecord> RecordIn(TaskState state, WaitReason reason = WaitReason::kNone) {
  Ref<TaskRecord> record = MakeRef<TaskRecord>();
  TaskSpec spec = SpecOf("resize");
  spec.origin.Edit().task_id = "t";
  spec.terms.Edit().retry.max_attempts = 3;
  record->spec = MakeRef<TaskSpec>(std::move(spec));
  record->state = state;
  record->wait_reason = reason;
  return record;
}

AttemptRecord FailedAttempt() {
  AttemptRecord attempt;
  attempt.number = 1;
  attempt.executor = "pool/seat-2";
  attempt.error = LifecycleFixture::ErrorOf("FLAKY");
  return attempt;
}

TaskExplanation Explain(Ref<TaskRecord> record, std::optional<TaskPlace> place = std::nullopt,
                        std::optional<QueueAct> paused = std::nullopt) {
  return Explained({TaskRecordPtr(std::move(record)), kNow, place, std::move(paused)});
}

TEST(Explained, OneThatIsScheduledStartsAtItsTime) {
  Ref<TaskRecord> record = RecordIn(TaskState::kScheduled, WaitReason::kSchedule);
  record->history.Edit().next_attempt_time = kNow + absl::Minutes(5);
  const TaskExplanation explanation = Explain(std::move(record));
  EXPECT_EQ(explanation.expected_start, kNow + absl::Minutes(5));
  EXPECT_THAT(explanation.text, HasSubstr("schedule_time"));
  EXPECT_THAT(explanation.text, HasSubstr("in 5m"));
}

TEST(Explained, ABackoffNamesTheFailureAndTheNextAttempt) {
  Ref<TaskRecord> record = RecordIn(TaskState::kScheduled, WaitReason::kRetryBackoff);
  record->history.Edit().attempts.push_back(FailedAttempt());
  record->history.Edit().next_attempt_time = kNow + absl::Seconds(10);
  const TaskExplanation explanation = Explain(std::move(record));
  EXPECT_THAT(explanation.text, HasSubstr("Attempt 1 of 3 failed (FLAKY: as asked)"));
  EXPECT_EQ(explanation.expected_start, kNow + absl::Seconds(10));
  EXPECT_THAT(explanation.advice, SizeIs(1));
}

TEST(Explained, OneThatWaitsForItsTurnSaysBehindWhatAndUntilWhen) {
  TaskPlace place;
  place.is_in_queue = true;
  place.in_queue = 6;
  place.in_other_queues = 2;
  place.released = 1;
  place.starts = 20;
  place.waited = absl::Seconds(10);
  TaskExplanation explanation = Explain(RecordIn(TaskState::kQueued, WaitReason::kQueue), place);
  EXPECT_THAT(explanation.text, HasSubstr(": 9 tasks are to be started before it"));
  EXPECT_DOUBLE_EQ(explanation.starts_per_second, 2);
  EXPECT_EQ(explanation.expected_start, kNow + absl::Seconds(5)) << "it is the tenth";
  place.more_urgent = 4;
  explanation = Explain(RecordIn(TaskState::kQueued, WaitReason::kPriority), place);
  EXPECT_THAT(explanation.text, HasSubstr("at most 13 tasks"));
  EXPECT_THAT(explanation.text, HasSubstr("4 of a higher priority"));
  EXPECT_THAT(explanation.advice, SizeIs(2));
}

TEST(Explained, WithoutAStartSeenThereIsNoExpectedOne) {
  TaskPlace place;
  place.is_in_queue = true;
  place.in_queue = 1;
  place.waited = absl::Seconds(10);
  TaskExplanation explanation = Explain(RecordIn(TaskState::kQueued, WaitReason::kQueue), place);
  EXPECT_THAT(explanation.text, HasSubstr("1 task is to be started before it"));
  EXPECT_EQ(explanation.expected_start, std::nullopt);
  place.in_queue = 0;
  explanation = Explain(RecordIn(TaskState::kQueued, WaitReason::kQueue), place);
  EXPECT_EQ(explanation.text, "It is the next to be started.");
  EXPECT_THAT(explanation.advice, IsEmpty());
  place.is_in_queue = false;
  explanation = Explain(RecordIn(TaskState::kQueued, WaitReason::kQueue), place);
  EXPECT_THAT(explanation.text, HasSubstr("The pool has it already"));
}

TEST(Explained, APausedQueueIsWhyWhateverElseIs) {
  TaskPlace place;
  place.is_in_queue = true;
  place.in_queue = 3;
  const TaskExplanation explanation =
      Explain(RecordIn(TaskState::kQueued, WaitReason::kPaused), place,
              QueueAct{kNow - absl::Hours(1), "the mail server is down"});
  EXPECT_THAT(explanation.text, HasSubstr("\"default\" is paused"));
  EXPECT_THAT(explanation.text, HasSubstr(": the mail server is down."));
  EXPECT_THAT(explanation.text, HasSubstr("3 tasks wait before it"));
  EXPECT_THAT(explanation.advice.at(0), HasSubstr("taskforge queue resume default"));
  EXPECT_EQ(explanation.expected_start, std::nullopt);
  EXPECT_EQ(explanation.paused->reason, "the mail server is down");
}

TEST(Explained, NoWorkerIsNamed) {
  const TaskExplanation explanation = Explain(RecordIn(TaskState::kQueued, WaitReason::kNoWorker));
  EXPECT_THAT(explanation.text, HasSubstr("No connected worker serves its handler \"resize\""));
  EXPECT_THAT(explanation.advice, SizeIs(1));
}

TEST(Explained, OneThatRunsSaysWhereAndForHowLong) {
  Ref<TaskRecord> record = RecordIn(TaskState::kRunning);
  AttemptRecord attempt = FailedAttempt();
  attempt.error = std::nullopt;
  record->history.Edit().attempts.push_back(attempt);
  record->history.Edit().start_time = kNow - absl::Seconds(3);
  record->history.Edit().cancel_requested_time = kNow - absl::Seconds(1);
  const TaskExplanation explanation = Explain(std::move(record));
  EXPECT_THAT(explanation.text, HasSubstr("attempt 1 of 3, for 3s, on pool/seat-2"));
  EXPECT_THAT(explanation.text, HasSubstr("asked to stop"));
}

TEST(Explained, WhatHasEndedSaysHowAndWhatToDo) {
  struct Case {
    TaskState state;
    const char* text;
    size_t advice;
  };
  for (const Case& each : {Case{TaskState::kSucceeded, "It succeeded", 0},
                           Case{TaskState::kFailed, "(FLAKY: as asked)", 1},
                           Case{TaskState::kCancelled, "before it had started", 1},
                           Case{TaskState::kExpired, "FLAKY", 2}}) {
    Ref<TaskRecord> record = RecordIn(each.state);
    record->history.Edit().end_time = kNow;
    if (each.state == TaskState::kFailed) {
      record->history.Edit().attempts.push_back(FailedAttempt());
      record->history.Edit().error = LifecycleFixture::ErrorOf("FLAKY");
    }
    if (each.state == TaskState::kExpired) {
      record->history.Edit().error = LifecycleFixture::ErrorOf("FLAKY");
      record->history.Edit().error->message = "FLAKY";
    }
    const TaskExplanation explanation = Explain(std::move(record));
    EXPECT_THAT(explanation.text, HasSubstr(each.text));
    EXPECT_THAT(explanation.advice, SizeIs(each.advice)) << explanation.text;
    if (each.advice > 0) {
      EXPECT_THAT(explanation.advice[0], HasSubstr("taskforge task retry t"));
    }
    EXPECT_EQ(explanation.place.has_value(), false);
  }
}

class Lanes final : public LaneDirectory {
 public:
  bool IsRemote(absl::string_view) const override { return false; }
};

// With the queues of the server.
TEST(WaitExplainer, JoinsTheTaskWithItsPlaceAndItsQueue) {
  FakeClock clock;
  FakeReleaseTarget target(1);
  const Lanes lanes;
  TaskQueues queues({}, clock, lanes, target);
  NoRunner runner;
  LiveTasks live;
  FakeTaskStore store;
  FakeTimer timer(clock);
  SeededRandom random(1);
  CapturingLog log;
  RecordingEvents events;
  Lifecycle lifecycle({}, 9, {store, live, queues, events, clock, timer, random, log});
  TaskDirectory directory({live, store, queues, lifecycle, clock});
  WaitExplainer explainer(directory, queues, clock);
  const auto explain = [&](const std::string& id) {
    absl::StatusOr<TaskExplanation> answer = absl::InternalError("no answer");
    explainer.Explain(TaskName("default", id),
                      [&](absl::StatusOr<TaskExplanation> given) { answer = std::move(given); });
    return answer;
  };
  for (const char* id : {"a", "b", "c"}) {
    const TaskRef task = QueuedTask(SpecOf("echo"), runner, clock, id, *queues.Admit("default", 1));
    live.Insert(task);
    queues.Enqueue(task, TaskSink::Position::kBack);
  }
  EXPECT_EQ(explain("none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(explain("c")->place->in_queue, 1u);
  EXPECT_EQ(explain("c")->place->released, 1u);
  EXPECT_FALSE(explain("c")->paused.has_value());
  ASSERT_TRUE(queues.Pause("default", "wait").ok());
  EXPECT_EQ(explain("c")->paused->reason, "wait");
  target.Clear();
}

}  // namespace
}  // namespace taskforge

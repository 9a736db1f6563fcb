// Each test spoils a history, or what is found, in one way, and the verdict must say so.
#include "crash/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace taskforge::crash {
namespace {

constexpr int kDurable = 3;
constexpr int64_t kBase = 1'700'000'000'000'000;

MATCHER_P3(Tells, invariant, wrong, number, "") {
  *result_listener << Name(arg.invariant) << " " << Name(arg.wrong) << " of " << arg.number << ": "
                   << arg.what;
  return arg.invariant == invariant && arg.wrong == wrong && arg.number == number;
}

// A campaign of a few tasks that went well, to be spoilt.
class VerdictTest : public testing::Test {
 protected:
  Plan& Asked(int64_t number) { return plans_[number]; }

  // Task `number` is submitted, acknowledged and ends well.
  Found& Task(int64_t number) {
    Plan& plan = plans_[number];
    plan.input = plan.output = "text";
    plan.has_task_id = plan.has_request_id = true;
    Submit(number);
    Accept(number, NameOf(number));
    return Find(number, NameOf(number));
  }

  void Submit(int64_t number, bool again = false) {
    Event& event = Add(Event::Kind::kSubmit, number);
    event.base_us = kBase;
    event.code = again ? 1 : 0;
  }
  void Accept(int64_t number, const std::string& name, bool duplicate = false) {
    Event& event = Add(Event::Kind::kAccepted, number);
    event.code = kDurable;
    event.value = duplicate ? 1 : 0;
    event.text = name;
  }
  void Refuse(int64_t number, int code) { Add(Event::Kind::kRefused, number).code = code; }
  void Cancel(int64_t number) { Add(Event::Kind::kCancel, number); }
  void Answer(int64_t number, int code, State state, int started = 0) {
    Event& event = Add(Event::Kind::kCancelAnswer, number);
    event.code = code;
    event.value = static_cast<int>(state);
    event.started = started;
  }
  Event& Add(Event::Kind kind, int64_t number) {
    Event& event = history_.emplace_back();
    event.kind = kind;
    event.number = number;
    return event;
  }
  Found& Find(int64_t number, const std::string& name) {
    Found task;
    task.number = number;
    task.name = name;
    task.state = State::kSucceeded;
    task.started = 1;
    task.first_us = task.last_us = kBase + 1'000;
    task.ended_us = kBase + 2'000;
    task.output = "text";
    return found_.emplace_back(task);
  }
  static void NeverStarted(Found& task, State state) {
    task.state = state;
    task.started = 0;
    task.first_us = task.last_us = 0;
    task.output.clear();
  }
  static void Failed(Found& task, const std::string& reason, int failed, int lost = 0) {
    task.state = State::kFailed;
    task.reason = reason;
    task.failed = failed;
    task.lost = lost;
    task.started = failed + lost;
    task.output.clear();
  }

  Verdict Judge() const {
    Rules rules;
    rules.plan_of = [this](int64_t number) { return plans_.at(number); };
    return crash::Judge(rules, history_, found_);
  }
  std::vector<Violation> Violations() const { return Judge().violations; }
  testing::Matcher<std::vector<Violation>> Only(Invariant invariant, Wrong wrong, int64_t number) {
    return testing::ElementsAre(Tells(invariant, wrong, number));
  }

  std::map<int64_t, Plan> plans_;
  std::vector<Event> history_;
  std::vector<Found> found_;
};

TEST_F(VerdictTest, WhatWentWellIsRightAndCounted) {
  Task(1);
  Task(2);
  Submit(2, /*again=*/true);
  Accept(2, NameOf(2), /*duplicate=*/true);
  Asked(3).has_request_id = true;
  Submit(3);  // Nobody answered, and it is not there.
  Asked(4) = Asked(1);
  Submit(4);  // Nobody answered, and it is there.
  Find(4, NameOf(4));
  const Verdict verdict = Judge();
  EXPECT_THAT(verdict.violations, testing::IsEmpty());
  EXPECT_EQ(verdict.submits, 4);
  EXPECT_EQ(verdict.acknowledged, 2);
  EXPECT_EQ(verdict.sent_again, 1);
}

TEST_F(VerdictTest, AnAcknowledgedTaskThatIsGoneIsLost) {
  Task(1);
  Task(2);
  found_.erase(found_.begin());
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kLost, 1));
}

TEST_F(VerdictTest, ATaskThatDoesNotEndIsLost) {
  for (const State state : {State::kScheduled, State::kQueued, State::kRunning}) {
    found_.clear();
    history_.clear();
    Task(1).state = state;
    EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kLost, 1)) << Name(state);
  }
}

TEST_F(VerdictTest, ATaskThatACancelDoesNotFindIsLost) {
  Task(1);
  Cancel(1);
  Answer(1, 5, State::kUnspecified);
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kLost, 1));
}

TEST_F(VerdictTest, OneTaskUnderTwoNamesIsDuplicated) {
  Task(1);
  Find(1, "queues/default/tasks/other");
  EXPECT_THAT(Violations(), testing::Contains(Tells(Invariant::kI1, Wrong::kDuplicated, 1)));
}

TEST_F(VerdictTest, TwoTasksOfWhichNoneWasAcknowledgedAreDuplicated) {
  Asked(1).output = "text";
  Submit(1);
  Find(1, NameOf(1));
  Find(1, "queues/default/tasks/other");
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kDuplicated, 1));
}

TEST_F(VerdictTest, AnotherNameThanWasAcknowledgedIsASecondTask) {
  Task(1).name = "queues/default/tasks/other";
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kDuplicated, 1));
}

TEST_F(VerdictTest, ARequestThatWasSentAgainAndMadeASecondTaskIsDuplicated) {
  Task(1);
  Asked(1).has_task_id = false;
  Submit(1, /*again=*/true);
  Find(1, "queues/default/tasks/other");
  EXPECT_THAT(Violations(), testing::Contains(Tells(Invariant::kI9, Wrong::kDuplicated, 1)));
}

TEST_F(VerdictTest, ATaskThatIsListedTwiceIsDuplicated) {
  Task(1).listed = 2;
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kDuplicated, 1));
}

TEST_F(VerdictTest, TwoAcceptancesOfOneRequestAreDuplicated) {
  Task(1);
  Submit(1, /*again=*/true);
  Accept(1, NameOf(1), /*duplicate=*/false);
  EXPECT_THAT(Violations(), Only(Invariant::kI9, Wrong::kDuplicated, 1));
}

TEST_F(VerdictTest, TwoNamesInAcknowledgementsAreDuplicated) {
  Task(1);
  Asked(1).has_task_id = false;
  Submit(1, /*again=*/true);
  Accept(1, "queues/default/tasks/other", /*duplicate=*/true);
  EXPECT_THAT(Violations(), Only(Invariant::kI9, Wrong::kDuplicated, 1));
}

TEST_F(VerdictTest, ADuplicateOfWhatWasSentOnceIsUnexpected) {
  Task(1);
  history_.back().value = 1;
  EXPECT_THAT(Violations(), Only(Invariant::kI9, Wrong::kUnexpected, 1));
}

TEST_F(VerdictTest, ARequestThatIsRefusedWhenItIsSentAgainIsUnexpected) {
  Task(1);
  Submit(1, /*again=*/true);
  Refuse(1, 6);  // ALREADY_EXISTS: the task is known, its request is not.
  EXPECT_THAT(Violations(), Only(Invariant::kI9, Wrong::kUnexpected, 1));
}

TEST_F(VerdictTest, ATaskThatNobodySubmittedIsUnexpected) {
  Task(1);
  Find(7, NameOf(7));
  Find(-1, "queues/default/tasks/ghost");
  EXPECT_THAT(Violations(), testing::ElementsAre(Tells(Invariant::kI1, Wrong::kUnexpected, 7),
                                                 Tells(Invariant::kI1, Wrong::kUnexpected, -1)));
}

TEST_F(VerdictTest, ATaskThatWasRefusedForWantOfRoomMustNotBeThere) {
  Asked(1).output = "text";
  Submit(1);
  Refuse(1, 8);
  EXPECT_THAT(Violations(), testing::IsEmpty());
  Find(1, NameOf(1));
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1));
}

TEST_F(VerdictTest, OnlyADeadlineMakesASubmissionInvalid) {
  Asked(1).output = "text";
  Submit(1);
  Refuse(1, 3);
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1));
  Asked(1).deadline_ms = 50;
  EXPECT_THAT(Violations(), testing::IsEmpty());
  Find(1, NameOf(1));
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1)) << "it is there";
}

TEST_F(VerdictTest, ARefusalWithAnUnknownOutcomeIsNone) {
  Asked(1).output = "text";
  Submit(1);
  Refuse(1, 14);
  EXPECT_THAT(Violations(), testing::IsEmpty());
  Find(1, NameOf(1));
  EXPECT_THAT(Violations(), testing::IsEmpty());
}

TEST_F(VerdictTest, AnotherNameThanAskedForIsUnexpected) {
  Task(1).name = "queues/default/tasks/other";
  history_.back().text = "queues/default/tasks/other";
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1));
}

TEST_F(VerdictTest, ATaskThatNoListShowsIsUnexpected) {
  Task(1).listed = 0;
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1));
}

TEST_F(VerdictTest, LessDurableThanPromisedIsUnexpected) {
  Task(1);
  history_.back().code = 1;
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1));
}

TEST_F(VerdictTest, AWrongOutputIsUnexpected) {
  Task(1).output = "texT";
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1));
}

TEST_F(VerdictTest, AFlakyTaskSucceedsAfterItsFailures) {
  Found& task = Task(1);
  Plan& plan = Asked(1);
  plan.work = Work::kFlaky;
  plan.failures = 2;
  plan.attempts_max = 3;
  plan.output = "succeeded in attempt ";
  task.output = "succeeded in attempt 3";
  task.started = 3;
  task.failed = 1;  // The other was lost with the server.
  task.lost = 1;
  EXPECT_THAT(Violations(), testing::IsEmpty());
  task.failed = 3;
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1));
  Failed(task, "FAILED_AS_ASKED", 3);
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1));
}

TEST_F(VerdictTest, ATaskThatMustFailFailsInAllOfItsAttempts) {
  Found& task = Task(1);
  Asked(1).work = Work::kFail;
  Asked(1).attempts_max = 2;
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1)) << "it succeeded";
  Failed(task, kFailReason, 2, /*lost=*/1);
  EXPECT_THAT(Violations(), testing::IsEmpty());
  Failed(task, kFailReason, 1, /*lost=*/1);
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1)) << "one too few";
  Failed(task, "EXCEPTION", 2);
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1)) << "another reason";
}

TEST_F(VerdictTest, OnlyWhoLostTooManyAttemptsIsPoisoned) {
  Found& task = Task(1);
  Failed(task, "POISONED", 0, /*lost=*/4);
  EXPECT_THAT(Violations(), testing::IsEmpty());
  Failed(task, "POISONED", 0, /*lost=*/3);
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1));
}

TEST_F(VerdictTest, AnAcknowledgedCancelOfAWaitingTaskIsKept) {
  Found& task = Task(1);
  Cancel(1);
  Answer(1, 0, State::kCancelled);
  NeverStarted(task, State::kCancelled);
  EXPECT_THAT(Violations(), testing::IsEmpty());
  EXPECT_EQ(Judge().cancelled, 1);
  task.started = 1;
  task.first_us = task.last_us = kBase;
  EXPECT_THAT(Violations(), Only(Invariant::kI10, Wrong::kUnexpected, 1)) << "it started";
  history_.back().value = static_cast<int>(State::kQueued);
  Asked(1).deadline_ms = 1;
  NeverStarted(task, State::kExpired);
  EXPECT_THAT(Violations(), Only(Invariant::kI10, Wrong::kUnexpected, 1)) << "it expired";
}

TEST_F(VerdictTest, ATaskThatRanAfterItsCancelIsWrong) {
  for (const State state :
       {State::kCancelled, State::kScheduled, State::kQueued, State::kExpired}) {
    history_.clear();
    found_.clear();
    Task(1);  // Succeeded.
    Cancel(1);
    Answer(1, 0, state);
    EXPECT_THAT(Violations(), Only(Invariant::kI10, Wrong::kUnexpected, 1)) << Name(state);
  }
}

TEST_F(VerdictTest, ACancelOfWhatRunsMayComeTooLate) {
  Found& task = Task(1);
  Cancel(1);
  Answer(1, 0, State::kRunning, 1);
  EXPECT_THAT(Violations(), testing::IsEmpty());
  task.state = State::kCancelled;
  EXPECT_THAT(Violations(), testing::IsEmpty());
  EXPECT_EQ(Judge().cancelled, 0);
}

TEST_F(VerdictTest, ACancelWithoutAnAnswerMayBeKeptOrNot) {
  Found& task = Task(1);
  Cancel(1);
  EXPECT_THAT(Violations(), testing::IsEmpty());
  NeverStarted(task, State::kCancelled);
  EXPECT_THAT(Violations(), testing::IsEmpty());
}

TEST_F(VerdictTest, ACancelThatWasRefusedIsNotKept) {
  Found& task = Task(1);
  Cancel(1);
  Answer(1, 9, State::kUnspecified);
  EXPECT_THAT(Violations(), testing::IsEmpty());
  NeverStarted(task, State::kCancelled);
  EXPECT_THAT(Violations(), Only(Invariant::kI10, Wrong::kUnexpected, 1));
}

TEST_F(VerdictTest, ATaskThatNobodyCancelledIsNotCancelled) {
  NeverStarted(Task(1), State::kCancelled);
  EXPECT_THAT(Violations(), Only(Invariant::kI10, Wrong::kUnexpected, 1));
}

TEST_F(VerdictTest, NoneStartsBeforeItsTime) {
  Found& task = Task(1);
  Asked(1).delay_ms = 50;
  task.first_us = task.last_us = kBase + 50'000;
  EXPECT_THAT(Violations(), testing::IsEmpty());
  EXPECT_EQ(Judge().timed, 1);
  task.first_us = kBase + 40'000;
  EXPECT_THAT(Violations(), Only(Invariant::kI12, Wrong::kUnexpected, 1));
}

TEST_F(VerdictTest, NoneStartsAfterItsDeadline) {
  Found& task = Task(1);
  Asked(1).deadline_ms = 50;
  task.last_us = kBase + 49'000;
  EXPECT_THAT(Violations(), testing::IsEmpty());
  task.last_us = kBase + 60'000;
  EXPECT_THAT(Violations(), Only(Invariant::kI12, Wrong::kUnexpected, 1));
}

TEST_F(VerdictTest, WhatExpiredHadADeadlineAndDidNotRun) {
  Found& task = Task(1);
  NeverStarted(task, State::kExpired);
  task.ended_us = kBase + 60'000;
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1)) << "it has none";
  Asked(1).deadline_ms = 50;
  EXPECT_THAT(Violations(), testing::IsEmpty());
  task.ended_us = kBase + 40'000;
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1)) << "too early";
  task.ended_us = kBase + 60'000;
  task.started = 1;
  task.first_us = task.last_us = kBase;
  EXPECT_THAT(Violations(), Only(Invariant::kI1, Wrong::kUnexpected, 1)) << "it ran";
  task.lost = 1;
  EXPECT_THAT(Violations(), testing::IsEmpty()) << "what ran was lost with the server";
}

}  // namespace
}  // namespace taskforge::crash

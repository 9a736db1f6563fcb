#include "intake/intake.h"

#include "intake_fixture.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class IntakeTest : public IntakeFixture {
 protected:
  ~IntakeTest() override {
    // Tasks give their places back to the queues: they go first.
    for (Priority priority : kPriorities) {
      while (target_.Take(priority)) {
      }
    }
  }
};

TEST_F(IntakeTest, AcceptsStoresAndEnqueues) {
  const auto answer = Submit(Echo());
  ASSERT_TRUE(answer->receipt.ok());
  EXPECT_FALSE(answer->receipt->duplicate);
  const TaskRecord& record = *answer->receipt->record;
  EXPECT_EQ(record.name(), "queues/default/tasks/" + record.uid.ToString());
  EXPECT_EQ(record.state, TaskState::kQueued);
  EXPECT_EQ(record.create_time, clock_.Now());
  EXPECT_EQ(record.effective_durability, Durability::kMemory);
  EXPECT_EQ(record.spec->terms->run_timeout, TaskDefaults().run_timeout);
  EXPECT_EQ(memory_.Stats().live_records, 1u);
  const TaskRef task = target_.Take();
  ASSERT_TRUE(task);
  EXPECT_EQ(task->name(), record.name());
  EXPECT_EQ(task->phase(), TaskPhase::kQueued);
  EXPECT_TRUE(live_.Find(record.name()) == task);
  EXPECT_EQ(Counted(Decision::kAccepted), 1u);
}

TEST_F(IntakeTest, NothingIsAcknowledgedOrShownBeforeItIsStored) {
  store_.is_slow = true;
  TaskSpec spec = Echo();
  spec.origin.Edit().task_id = "mine";
  const auto answer = Submit(spec);
  EXPECT_EQ(answer->receipts, 0);
  EXPECT_FALSE(target_.Take());
  EXPECT_FALSE(live_.Find("queues/default/tasks/mine"));
  EXPECT_EQ(Admitted(), 1u);  // Reserved before it is promised.
  store_.Catch();
  EXPECT_TRUE(answer->receipt.ok());
  EXPECT_TRUE(live_.Find("queues/default/tasks/mine"));
  EXPECT_TRUE(target_.Take());
}

TEST_F(IntakeTest, TellsAllViolationsAtOnceAndReservesNothing) {
  TaskSpec spec;
  spec.origin.Edit().task_id = "?";
  spec.terms.Edit().retry.max_attempts = 1000;
  const auto answer = Submit(spec);
  EXPECT_EQ(answer->status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(DetailsOf(answer->status()).field_violations, SizeIs(3));
  EXPECT_EQ(Admitted(), 0u);
  EXPECT_EQ(Counted(Decision::kRejectedInvalid), 1u);
}

TEST_F(IntakeTest, TellsWhatWasWrongWithTheMessageToo) {
  auto answer = std::make_shared<Answer>();
  TaskSpec spec = Echo();
  spec.origin.Edit().task_id = "?";
  Submission submission = SubmissionOf(spec, answer);
  submission.violations = {{"task.input", "is not text"}};
  intake_->Submit(std::move(submission));
  const std::vector<FieldViolation> violations = DetailsOf(answer->status()).field_violations;
  ASSERT_THAT(violations, SizeIs(2));
  EXPECT_EQ(violations[0].field, "task.input");
  EXPECT_EQ(violations[1].field, "task_id");
}

TEST_F(IntakeTest, RefusesADurabilityThatIsNotOffered) {
  TaskSpec spec = Echo();
  spec.requested_durability = Durability::kDurable;
  EXPECT_EQ(Submit(spec)->status().code(), absl::StatusCode::kUnimplemented);
}

TEST_F(IntakeTest, AnUnknownHandlerIsToldWithNearNames) {
  handlers_.near = {"echo"};
  TaskSpec spec;
  spec.handler = "ehco";
  const auto answer = Submit(spec);
  EXPECT_EQ(answer->status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(answer->reason(), "HANDLER_UNKNOWN");
  EXPECT_THAT(answer->status().message(), HasSubstr("did you mean \"echo\"?"));
  EXPECT_EQ(DetailsOf(answer->status()).metadata.at("near"), "echo");
}

TEST_F(IntakeTest, AnUnknownQueueIsToldAndCountedApart) {
  TaskSpec spec = Echo();
  spec.queue = "none";
  const auto answer = Submit(spec);
  EXPECT_EQ(answer->status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(answer->reason(), "QUEUE_UNKNOWN");
  EXPECT_EQ(Counted(Decision::kRejectedInvalid, "_other"), 1u);
}

TEST_F(IntakeTest, KnowsAQueueFromItsMakingToItsRemoval) {
  QueueOptions reports;
  reports.name = "reports";
  reports.default_priority = Priority::kLow;
  ASSERT_TRUE(queues_->Create(reports).ok());
  TaskSpec spec = Echo();
  spec.queue = "reports";
  const auto submit = [&] {
    auto answer = std::make_shared<Answer>();
    Submission submission = SubmissionOf(spec, answer);
    submission.has_priority = false;
    intake_->Submit(std::move(submission));
    return answer;
  };
  const auto accepted = submit();
  ASSERT_TRUE(accepted->receipt.ok()) << accepted->status();
  EXPECT_EQ(accepted->receipt->record->spec->queue, "reports");
  EXPECT_EQ(accepted->receipt->record->spec->priority, Priority::kLow);
  EXPECT_EQ(Counted(Decision::kAccepted, "reports", Priority::kLow), 1u);
  target_.Clear();
  Finish(*accepted);
  ASSERT_TRUE(queues_->Delete("reports").ok());
  EXPECT_EQ(submit()->reason(), "QUEUE_UNKNOWN");
  EXPECT_EQ(Counted(Decision::kRejectedInvalid, "_other"), 1u);
  EXPECT_EQ(Counted(Decision::kAccepted, "reports", Priority::kLow), 1u) << "it stays counted";
}

TEST_F(IntakeTest, RefusesWhenTheQueueIsFullUntilATaskEnds) {
  TaskSpec spec = Echo();
  spec.queue = "mail";
  const auto first = Submit(spec);
  Submit(spec);
  const auto refused = Submit(spec);
  EXPECT_EQ(refused->status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused->reason(), "QUEUE_FULL");
  EXPECT_TRUE(DetailsOf(refused->status()).retry_after.has_value());
  EXPECT_EQ(Counted(Decision::kRejectedFull, "mail"), 1u);
  // Running is not enough: the place comes back when the end is recorded.
  target_.Take();
  EXPECT_EQ(Submit(spec)->reason(), "QUEUE_FULL");
  Finish(*first);
  EXPECT_TRUE(Submit(spec)->receipt.ok());
}

TEST_F(IntakeTest, RefusesWhileDrainingButAcceptedOnesGoTheirWay) {
  store_.is_slow = true;
  const auto before = Submit(Echo());
  intake_->SetDraining();
  const auto after = Submit(Echo());
  EXPECT_EQ(after->status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(after->reason(), "DRAINING");
  EXPECT_TRUE(DetailsOf(after->status()).retry_after.has_value());
  store_.Catch();
  EXPECT_TRUE(before->receipt.ok());
  EXPECT_TRUE(target_.Take());
}

TEST_F(IntakeTest, AFailedAppendGivesThePlaceBack) {
  store_.failure = absl::InternalError("disk on fire");
  TaskSpec spec = Echo();
  spec.origin.Edit().task_id = "mine";
  const auto answer = Submit(spec);
  EXPECT_EQ(answer->status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(answer->reason(), "STORE_FAILED");
  EXPECT_EQ(Admitted(), 0u);
  EXPECT_EQ(live_.size(), 0u);
  EXPECT_FALSE(target_.Take());
  EXPECT_EQ(answer->ends, 0);
  store_.failure = absl::OkStatus();
  EXPECT_TRUE(Submit(spec)->receipt.ok());
}

TEST_F(IntakeTest, ATaskIdIsTakenWhileItsTaskOrRecordIsThere) {
  TaskSpec spec = Echo();
  spec.origin.Edit().task_id = "mine";
  const auto first = Submit(spec);
  EXPECT_EQ(first->name(), "queues/default/tasks/mine");
  EXPECT_EQ(Submit(spec)->reason(), "TASK_EXISTS");
  target_.Take();
  Finish(*first);
  EXPECT_EQ(Submit(spec)->reason(), "TASK_EXISTS");
  EXPECT_EQ(Admitted(), 0u);
  clock_.Advance(absl::Hours(2));
  EXPECT_TRUE(Submit(spec)->receipt.ok());
}

TEST_F(IntakeTest, AQueuesDefaultPriorityIsForThoseWhoNameNone) {
  TaskSpec spec = Echo();
  spec.queue = "mail";
  Submission submission = SubmissionOf(spec, std::make_shared<Answer>());
  submission.has_priority = false;
  intake_->Submit(std::move(submission));
  EXPECT_TRUE(target_.Take(Priority::kHigh));
  EXPECT_EQ(Counted(Decision::kAccepted, "mail", Priority::kHigh), 1u);
  Submit(spec);
  EXPECT_TRUE(target_.Take(Priority::kNormal));
}

TEST_F(IntakeTest, AQueuesDefaultsAreForThoseWhoSayNothing) {
  QueueUpdate update;
  update.default_durability = Durability::kBuffered;
  update.default_run_timeout = absl::Seconds(5);
  update.default_retry_policy.emplace().max_attempts = 3;
  ASSERT_TRUE(queues_->Update("default", update).ok());
  const auto open = Submit(Echo());
  const TaskRecord& record = *open->receipt->record;
  EXPECT_EQ(record.effective_durability, Durability::kBuffered);
  EXPECT_EQ(record.spec->requested_durability, Durability::kUnspecified);
  EXPECT_EQ(record.spec->terms->run_timeout, absl::Seconds(5));
  EXPECT_EQ(record.spec->terms->retry.max_attempts, 3);
  TaskSpec spec = Echo();
  spec.requested_durability = Durability::kMemory;
  auto answer = std::make_shared<Answer>();
  Submission submission = SubmissionOf(spec, answer);
  submission.has_retry_policy = true;
  intake_->Submit(std::move(submission));
  EXPECT_EQ(answer->receipt->record->effective_durability, Durability::kMemory);
  EXPECT_EQ(answer->receipt->record->spec->terms->retry.max_attempts, 1);
}

TEST_F(IntakeTest, TheReceiptComesBeforeTheEnd) {
  const auto answer = Submit(Echo());
  EXPECT_EQ(answer->ends, 0);
  Finish(*answer);
  EXPECT_EQ(answer->ends, 1);
  EXPECT_TRUE(answer->is_in_order);
  EXPECT_EQ(answer->end->state, TaskState::kSucceeded);
}

TEST_F(IntakeTest, ABatchIsStoredByOneAppendAndKeepsItsOrder) {
  std::vector<std::shared_ptr<Answer>> answers;
  std::vector<Submission> batch;
  for (int i = 0; i < 5; ++i) {
    answers.push_back(std::make_shared<Answer>());
    TaskSpec spec = Echo();
    spec.origin.Edit().task_id = absl::StrCat("t", i);
    if (i == 2) spec.handler = "unknown";
    batch.push_back(SubmissionOf(spec, answers.back()));
  }
  intake_->SubmitBatch(std::move(batch));
  EXPECT_EQ(store_.batches, 1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(answers[i]->receipt.ok(), i != 2) << i;
  std::vector<std::string> order;
  while (const TaskRef task = target_.Take()) order.push_back(task->name());
  EXPECT_THAT(order, ElementsAre("queues/default/tasks/t0", "queues/default/tasks/t1",
                                 "queues/default/tasks/t3", "queues/default/tasks/t4"));
}

TEST_F(IntakeTest, AScheduledTaskWaitsForItsTime) {
  TaskSpec spec = Echo();
  spec.terms.Edit().schedule_time = clock_.Now() + absl::Seconds(10);
  const auto answer = Submit(spec);
  EXPECT_EQ(answer->receipt->record->state, TaskState::kScheduled);
  EXPECT_EQ(answer->receipt->record->wait_reason, WaitReason::kSchedule);
  EXPECT_EQ(answer->receipt->record->history->next_attempt_time, spec.terms->schedule_time);
  clock_.Advance(absl::Seconds(9));
  EXPECT_FALSE(target_.Take());
  clock_.Advance(absl::Seconds(1));
  const TaskRef task = target_.Take();
  ASSERT_TRUE(task);
  EXPECT_EQ(task->Snapshot()->state, TaskState::kQueued);
}

TEST_F(IntakeTest, AScheduledTaskThatIsCancelledNeverComes) {
  TaskSpec spec = Echo();
  spec.terms.Edit().schedule_time = clock_.Now() + absl::Seconds(10);
  const auto answer = Submit(spec);
  const TaskRef task = live_.Find(answer->name());
  ASSERT_TRUE(task->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling));
  clock_.Advance(absl::Seconds(20));
  EXPECT_FALSE(target_.Take());
  EXPECT_EQ(timer_.pending(), 0u);
}

TEST_F(IntakeTest, AScheduleInThePastIsNow) {
  TaskSpec spec = Echo();
  spec.terms.Edit().schedule_time = clock_.Now() - absl::Seconds(10);
  EXPECT_EQ(Submit(spec)->receipt->record->state, TaskState::kQueued);
  EXPECT_TRUE(target_.Take());
}

TEST_F(IntakeTest, AWaitingTaskExpiresAtItsQueueTimeout) {
  TaskSpec spec = Echo();
  spec.terms.Edit().queue_timeout = absl::Seconds(5);
  spec.terms.Edit().deadline = clock_.Now() + absl::Minutes(1);
  const auto answer = Submit(spec);
  clock_.Advance(absl::Seconds(5));
  EXPECT_THAT(ended_,
              ElementsAre(std::make_tuple(answer->name(), TaskState::kExpired, "QUEUE_TIMEOUT")));
}

TEST_F(IntakeTest, AWaitingTaskExpiresAtItsDeadline) {
  TaskSpec spec = Echo();
  spec.terms.Edit().queue_timeout = absl::Minutes(5);
  spec.terms.Edit().deadline = clock_.Now() + absl::Seconds(3);
  const auto answer = Submit(spec);
  clock_.Advance(absl::Seconds(3));
  EXPECT_THAT(ended_,
              ElementsAre(std::make_tuple(answer->name(), TaskState::kExpired, "DEADLINE")));
}

TEST_F(IntakeTest, TheQueueTimeoutOfAScheduledTaskBeginsAtItsTime) {
  TaskSpec spec = Echo();
  spec.terms.Edit().schedule_time = clock_.Now() + absl::Seconds(10);
  spec.terms.Edit().queue_timeout = absl::Seconds(5);
  Submit(spec);
  clock_.Advance(absl::Seconds(14));
  EXPECT_THAT(ended_, IsEmpty());
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(ended_, SizeIs(1));
}

TEST_F(IntakeTest, SetsNoTimerForATaskThatCanNotExpire) {
  Submit(Echo());
  EXPECT_EQ(timer_.pending(), 0u);
}

struct OverloadRow {
  const char* what;
  bool is_overloaded;
  Priority waits_at;
  int waited_seconds;
  Priority asked;
  bool is_refused;
};

TEST_F(IntakeTest, AnOverloadedPoolRefusesWhatWouldComeTooLate) {
  const OverloadRow rows[] = {
      {"not overloaded", false, Priority::kNormal, 900, Priority::kLow, false},
      {"at the limit", true, Priority::kLow, 10, Priority::kLow, false},
      {"above it", true, Priority::kLow, 11, Priority::kLow, true},
      {"more urgent work waits", true, Priority::kCritical, 11, Priority::kLow, true},
      {"normal's limit is a further one", true, Priority::kNormal, 11, Priority::kNormal, false},
      {"above normal's", true, Priority::kNormal, 61, Priority::kNormal, true},
      {"low work that waits delays no normal", true, Priority::kLow, 900, Priority::kNormal, false},
      {"high never", true, Priority::kCritical, 900, Priority::kHigh, false},
      {"critical never", true, Priority::kCritical, 900, Priority::kCritical, false},
  };
  for (const OverloadRow& row : rows) {
    load_.is_overloaded = row.is_overloaded;
    load_.waits = {};
    load_.waits[row.waits_at] = absl::Seconds(row.waited_seconds);
    TaskSpec spec = Echo();
    spec.priority = row.asked;
    const auto answer = Submit(spec);
    EXPECT_EQ(answer->reason(), row.is_refused ? "POOL_OVERLOADED" : "") << row.what;
    EXPECT_EQ(answer->receipt.ok(), !row.is_refused) << row.what;
  }
  EXPECT_EQ(Counted(Decision::kRejectedOverload, "default", Priority::kLow), 2u);
  EXPECT_EQ(Counted(Decision::kRejectedOverload, "default", Priority::kNormal), 1u);
  EXPECT_EQ(Admitted(), 6u);  // What is refused holds no place.
}

TEST_F(IntakeTest, ARefusalForOverloadNamesTheLimitTheKnobAndTheWayOut) {
  load_.is_overloaded = true;
  load_.waits[Priority::kHigh] = absl::Milliseconds(14'500);
  TaskSpec spec = Echo();
  spec.priority = Priority::kLow;
  const absl::Status status = Submit(spec)->status();
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("14.5s"));
  EXPECT_THAT(message, HasSubstr("beyond 10s"));
  EXPECT_THAT(message, HasSubstr("(admission.shed_low_after)"));
  EXPECT_THAT(message, HasSubstr("come again later, or ask for a higher priority"));
  const ErrorDetails details = DetailsOf(status);
  EXPECT_EQ(details.retry_after, absl::Milliseconds(4'500));
  EXPECT_EQ(details.metadata.at("priority"), "low");
  ASSERT_THAT(details.quota_violations, SizeIs(1));
  EXPECT_EQ(details.quota_violations[0].subject, "pool");
}

TEST_F(IntakeTest, OverloadOfThePoolIsNoMatterForWhatItNeedNotRunNow) {
  load_.is_overloaded = true;
  load_.waits[Priority::kLow] = absl::Hours(1);
  TaskSpec spec = Echo();
  spec.priority = Priority::kLow;
  EXPECT_EQ(Submit(spec)->reason(), "POOL_OVERLOADED");
  spec.terms.Edit().schedule_time = clock_.Now() + absl::Hours(1);
  EXPECT_TRUE(Submit(spec)->receipt.ok());
  handlers_.remote = {"render"};
  spec = TaskSpec();
  spec.handler = "render";
  spec.priority = Priority::kLow;
  EXPECT_TRUE(Submit(spec)->receipt.ok());
  clock_.Advance(absl::Hours(1));
  EXPECT_TRUE(target_.Take(Priority::kLow));
}

TEST_F(IntakeTest, ARefusalForOverloadFreesItsRequestIdAndARepeatedOneIsAnswered) {
  TaskSpec spec = WithRequestId("first");
  spec.priority = Priority::kLow;
  const auto first = Submit(spec);
  ASSERT_TRUE(first->receipt.ok());
  load_.is_overloaded = true;
  load_.waits[Priority::kLow] = absl::Hours(1);
  const auto repeated = Submit(spec);
  ASSERT_TRUE(repeated->receipt.ok());
  EXPECT_TRUE(repeated->receipt->duplicate);
  spec.origin.Edit().request_id = "second";
  EXPECT_EQ(Submit(spec)->reason(), "POOL_OVERLOADED");
  load_.is_overloaded = false;
  const auto again = Submit(spec);
  ASSERT_TRUE(again->receipt.ok());
  EXPECT_FALSE(again->receipt->duplicate);
}

TEST_F(IntakeTest, EveryCombinationOfLabelsIsThereAtZero) {
  const IntakeStats stats = intake_->Stats();
  EXPECT_THAT(stats.submitted, SizeIs(3 * kPriorityCount * kDecisionCount));
  for (const auto& each : stats.submitted) EXPECT_EQ(each.count, 0u);
}

}  // namespace
}  // namespace taskforge

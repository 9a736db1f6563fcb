// Submissions that are sent again.
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "intake_fixture.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;

class RequestIdTest : public IntakeFixture {
 protected:
  ~RequestIdTest() override {
    while (target_.Take()) {
    }
  }
};

TEST_F(RequestIdTest, ARepetitionGetsTheFirstOnesAnswer) {
  const auto first = Submit(WithRequestId("r"));
  const auto again = Submit(WithRequestId("r"));
  ASSERT_TRUE(again->receipt.ok());
  EXPECT_TRUE(again->receipt->duplicate);
  EXPECT_EQ(again->name(), first->name());
  EXPECT_EQ(memory_.Stats().appended, 1u);
  EXPECT_EQ(Counted(Decision::kDuplicate), 1u);
  EXPECT_EQ(Counted(Decision::kAccepted), 1u);
}

TEST_F(RequestIdTest, ARepetitionShowsTheTaskAsItIs) {
  const auto first = Submit(WithRequestId("r"));
  live_.Find(first->name())->Update([](TaskRecord& record) { record.state = TaskState::kRunning; });
  EXPECT_EQ(Submit(WithRequestId("r"))->receipt->record->state, TaskState::kRunning);
  Finish(*first);
  EXPECT_EQ(Submit(WithRequestId("r"))->receipt->record->state, TaskState::kSucceeded);
}

TEST_F(RequestIdTest, ARepetitionHearsOfTheEndToo) {
  const auto first = Submit(WithRequestId("r"));
  const auto waiting = Submit(WithRequestId("r"));
  Finish(*first);
  const auto late = Submit(WithRequestId("r"));
  for (const auto& answer : {first, waiting, late}) {
    EXPECT_EQ(answer->ends, 1);
    EXPECT_TRUE(answer->is_in_order);
  }
}

// As after a restart: the store knows what this index does not.
TEST_F(RequestIdTest, WhatTheStoreKnowsIsARepetition) {
  const auto first = Submit(WithRequestId("before"));
  const TaskRecord& record = *first->receipt->record;
  store_.known = KnownRequest{HashOf(*record.spec), record.name(), record.uid};
  const auto again = Submit(WithRequestId("r"));
  ASSERT_TRUE(again->receipt.ok()) << again->status();
  EXPECT_TRUE(again->receipt->duplicate);
  EXPECT_EQ(again->name(), record.name());
  EXPECT_EQ(Admitted(), 1u);
  EXPECT_EQ(live_.size(), 1u);
  Finish(*first);
  EXPECT_EQ(again->ends, 1);
  EXPECT_TRUE(again->is_in_order);
  // From now on the index knows it too.
  const int batches = store_.batches;
  EXPECT_EQ(Submit(WithRequestId("r"))->name(), record.name());
  EXPECT_EQ(store_.batches, batches);
}

TEST_F(RequestIdTest, WhatTheStoreKnowsOfOtherContentIsReused) {
  const auto first = Submit(WithRequestId("before"));
  const TaskRecord& record = *first->receipt->record;
  store_.known = KnownRequest{HashOf(*record.spec), record.name(), record.uid};
  const auto other = Submit(WithRequestId("r", "other content"));
  EXPECT_EQ(other->reason(), "REQUEST_ID_REUSED");
  EXPECT_THAT(other->status().message(), HasSubstr(record.name()));
  EXPECT_EQ(Admitted(), 1u);
  store_.known.reset();
  EXPECT_TRUE(Submit(WithRequestId("r", "third"))->receipt.ok()) << "the refused one left nothing";
}

TEST_F(RequestIdTest, WhatTheStoreKnowsOfATaskThatIsGoneIsTold) {
  const auto first = Submit(WithRequestId("before"));
  const SpecHash hash = HashOf(*first->receipt->record->spec);
  store_.known = KnownRequest{hash, "queues/default/tasks/gone", {1, 2}};
  const auto again = Submit(WithRequestId("r"));
  EXPECT_EQ(again->reason(), "TASK_GONE");
  EXPECT_THAT(again->status().message(), HasSubstr("\"r\""));
}

// What has changed since the first is no reason to refuse a repetition that only the store knows,
// as after a restart.
class RestartedTest : public RequestIdTest {
 protected:
  // Of a task that lives and has the name `mine`.
  RestartedTest() : spec_(WithRequestId("r")) {
    spec_.origin.Edit().task_id = "mine";
    first_ = Submit(spec_);
    const TaskRecord& record = *first_->receipt->record;
    store_.known = KnownRequest{HashOf(*record.spec), record.name(), record.uid};
    restarted_ = std::make_unique<Intake>(
        IntakeOptions(),
        Intake::Parts{clock_, uuids_, handlers_, load_, *queues_, store_, live_, *this, *waits_});
  }
  std::shared_ptr<Answer> SubmitAgain(const TaskSpec& spec) {
    auto answer = std::make_shared<Answer>();
    restarted_->Submit(SubmissionOf(spec, answer));
    return answer;
  }
  void ExpectRepetition(const Answer& answer) {
    ASSERT_TRUE(answer.receipt.ok()) << answer.status();
    EXPECT_TRUE(answer.receipt->duplicate);
    EXPECT_EQ(answer.receipt->record->uid, first_->receipt->record->uid);
  }

  TaskSpec spec_;
  std::shared_ptr<Answer> first_;
  std::unique_ptr<Intake> restarted_;
};

TEST_F(RestartedTest, TheNameIsTaken) { ExpectRepetition(*SubmitAgain(spec_)); }

TEST_F(RestartedTest, TheServerDrains) {
  restarted_->SetDraining();
  ExpectRepetition(*SubmitAgain(spec_));
  spec_.origin.Edit().request_id.clear();
  EXPECT_EQ(SubmitAgain(spec_)->reason(), "DRAINING");
}

TEST_F(RestartedTest, TheHandlerIsNotThereYet) {
  handlers_.local.clear();
  ExpectRepetition(*SubmitAgain(spec_));
}

TEST_F(RestartedTest, TheQueueIsFull) {
  std::vector<Admission> places;
  for (size_t bytes = size_t{64} << 20; bytes > 0;) {
    auto place = queues_->Admit("default", bytes);
    if (place.ok()) {
      places.push_back(*std::move(place));
    } else {
      bytes /= 2;
    }
  }
  ExpectRepetition(*SubmitAgain(spec_));
  EXPECT_EQ(Submit(Echo())->reason(), "BYTES_FULL");
}

TEST_F(RestartedTest, TheDeadlineHasPassed) {
  spec_.terms.Edit().deadline = clock_.Now() + absl::Seconds(10);
  spec_.origin.Edit().task_id = "other";
  spec_.origin.Edit().request_id = "r2";
  store_.known.reset();
  const auto first = Submit(spec_);
  const TaskRecord& record = *first->receipt->record;
  store_.known = KnownRequest{HashOf(*record.spec), record.name(), record.uid};
  clock_.Advance(absl::Seconds(11));
  const auto again = SubmitAgain(spec_);
  ASSERT_TRUE(again->receipt.ok()) << again->status();
  EXPECT_EQ(again->name(), first->name());
  spec_.input.data = "other";  // Neither known nor valid.
  EXPECT_EQ(SubmitAgain(spec_)->status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RestartedTest, OtherContentIsToldApart) {
  spec_.input.data = "other";
  EXPECT_EQ(SubmitAgain(spec_)->reason(), "REQUEST_ID_REUSED");
}

TEST_F(RestartedTest, WhatTheStoreDoesNotKnowIsRefused) {
  store_.known.reset();
  EXPECT_EQ(SubmitAgain(spec_)->reason(), "TASK_EXISTS");
  restarted_->SetDraining();
  EXPECT_EQ(SubmitAgain(spec_)->reason(), "DRAINING");
}

// The index knows it, though it is not valid any more.
TEST_F(RequestIdTest, ARepetitionAfterTheDeadlineGetsTheFirstOnesAnswer) {
  TaskSpec spec = WithRequestId("r");
  spec.terms.Edit().deadline = clock_.Now() + absl::Seconds(10);
  const auto first = Submit(spec);
  clock_.Advance(absl::Seconds(11));
  const auto again = Submit(spec);
  ASSERT_TRUE(again->receipt.ok()) << again->status();
  EXPECT_EQ(again->name(), first->name());
  EXPECT_EQ(Counted(Decision::kDuplicate), 1u);
}

// The store has it, and its acknowledgement is on its way: what is repeated then is no end.
TEST_F(RequestIdTest, ARepetitionWhileTheFirstIsAcknowledgedHearsOfTheEndOnly) {
  TaskSpec spec = WithRequestId("r");
  spec.terms.Edit().deadline = clock_.Now() + absl::Seconds(10);
  store_.is_slow = true;
  store_.is_kept_at_once = true;
  const auto first = Submit(spec);
  clock_.Advance(absl::Seconds(11));  // So that the repetition is not valid, and does not wait.
  const TaskRecordPtr kept = store_.last_kept;
  store_.known = KnownRequest{HashOf(*kept->spec), kept->name(), kept->uid};
  const auto again = Submit(spec);
  ASSERT_TRUE(again->receipt.ok()) << again->status();
  EXPECT_TRUE(again->receipt->duplicate);
  EXPECT_EQ(again->ends, 0);
  store_.known.reset();
  store_.Catch();
  Finish(*first);
  EXPECT_EQ(again->ends, 1);
  EXPECT_TRUE(IsTerminal(again->end->state));
}

TEST_F(RequestIdTest, WhileTheFirstIsStoredRepetitionsWait) {
  store_.is_slow = true;
  const auto first = Submit(WithRequestId("r"));
  const auto again = Submit(WithRequestId("r"));
  EXPECT_EQ(again->receipts, 0);
  store_.Catch();
  EXPECT_FALSE(first->receipt->duplicate);
  EXPECT_TRUE(again->receipt->duplicate);
  EXPECT_EQ(again->name(), first->name());
  Finish(*first);
  EXPECT_EQ(again->ends, 1);
}

TEST_F(RequestIdTest, RepetitionsGetTheFailureToo) {
  store_.is_slow = true;
  const auto first = Submit(WithRequestId("r"));
  const auto again = Submit(WithRequestId("r"));
  store_.failure = absl::InternalError("full");
  store_.Catch();
  EXPECT_EQ(first->reason(), "STORE_FAILED");
  EXPECT_EQ(again->reason(), "STORE_FAILED");
  // And then the id is free.
  store_.failure = absl::OkStatus();
  const auto later = Submit(WithRequestId("r"));
  ASSERT_TRUE(later->receipt.ok());
  EXPECT_FALSE(later->receipt->duplicate);
}

// The client repeats what it has sent; what is filled in is another by now.
TEST_F(RequestIdTest, ARepetitionIsOneWhateverTheQueueGivesByNow) {
  const auto send = [this] {
    auto answer = std::make_shared<Answer>();
    Submission submission = SubmissionOf(WithRequestId("order-1"), answer);
    submission.has_priority = false;
    intake_->Submit(std::move(submission));
    return answer;
  };
  const auto first = send();
  ASSERT_TRUE(first->receipt.ok()) << first->status();
  QueueUpdate update;
  update.default_priority = std::optional<Priority>(Priority::kCritical);
  update.default_run_timeout = absl::Seconds(5);
  update.default_retry_policy.emplace().max_attempts = 3;
  ASSERT_TRUE(queues_->Update("default", update).ok());
  const auto again = send();
  ASSERT_TRUE(again->receipt.ok()) << again->status();
  EXPECT_EQ(again->name(), first->name());
  EXPECT_EQ(first->receipt->record->spec->origin->request_hash,
            RequestHashOf(*first->receipt->record->spec));
}

TEST_F(RequestIdTest, ARefusalFreesTheId) {
  handlers_.local.clear();
  EXPECT_EQ(Submit(WithRequestId("r"))->reason(), "HANDLER_UNKNOWN");
  handlers_.local = {"echo"};
  EXPECT_TRUE(Submit(WithRequestId("r"))->receipt.ok());
}

TEST_F(RequestIdTest, OtherContentIsRefused) {
  const auto first = Submit(WithRequestId("r", "one"));
  const auto other = Submit(WithRequestId("r", "two"));
  EXPECT_EQ(other->status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(other->reason(), "REQUEST_ID_REUSED");
  EXPECT_THAT(other->status().message(), HasSubstr(first->name()));
  EXPECT_TRUE(Submit(WithRequestId("r", "one"))->receipt->duplicate);
}

TEST_F(RequestIdTest, IdsAreOfAQueueAndAPrincipal) {
  const auto first = Submit(WithRequestId("r"));
  TaskSpec other = WithRequestId("r");
  other.origin.Edit().principal = "bob";
  EXPECT_FALSE(Submit(other)->receipt->duplicate);
  other = WithRequestId("r");
  other.queue = "mail";
  EXPECT_FALSE(Submit(other)->receipt->duplicate);
}

TEST_F(RequestIdTest, ARepetitionIsAnsweredWhateverHasChangedSince) {
  const auto first = Submit(WithRequestId("r"));
  handlers_.local.clear();
  intake_->SetDraining();
  const auto again = Submit(WithRequestId("r"));
  ASSERT_TRUE(again->receipt.ok());
  EXPECT_EQ(again->name(), first->name());
}

TEST_F(RequestIdTest, AnIdOutlivesTheRecordOfItsTask) {
  const auto first = Submit(WithRequestId("r"));
  target_.Take();
  Finish(*first, absl::Minutes(1));
  clock_.Advance(absl::Seconds(59));
  EXPECT_TRUE(Submit(WithRequestId("r"))->receipt->duplicate);
  clock_.Advance(absl::Seconds(2));
  const auto later = Submit(WithRequestId("r"));
  EXPECT_EQ(later->status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(later->reason(), "TASK_GONE");
  EXPECT_EQ(DetailsOf(later->status()).metadata.at("task"), first->name());
  EXPECT_EQ(later->ends, 0);
  EXPECT_EQ(memory_.Stats().appended, 1u);
  EXPECT_EQ(Submit(WithRequestId("r", "other"))->reason(), "REQUEST_ID_REUSED");
}

TEST_F(RequestIdTest, ItsTimeBeginsWhenTheTaskEnds) {
  const auto first = Submit(WithRequestId("r"));
  target_.Take();
  clock_.Advance(absl::Hours(30));
  EXPECT_TRUE(Submit(WithRequestId("r"))->receipt->duplicate);
  Finish(*first, absl::Minutes(1));
  clock_.Advance(absl::Hours(24) - absl::Seconds(1));
  EXPECT_EQ(Submit(WithRequestId("r"))->reason(), "TASK_GONE");
  clock_.Advance(absl::Seconds(1));
  const auto later = Submit(WithRequestId("r"));
  ASSERT_TRUE(later->receipt.ok());
  EXPECT_FALSE(later->receipt->duplicate);
}

TEST_F(RequestIdTest, AnotherTaskOfTheSameNameIsNotTakenForTheFirst) {
  TaskSpec spec = WithRequestId("r");
  spec.origin.Edit().task_id = "mine";
  const auto first = Submit(spec);
  target_.Take();
  Finish(*first, absl::Minutes(1));
  clock_.Advance(absl::Minutes(2));
  TaskSpec other = Echo();
  other.origin.Edit().task_id = "mine";
  const auto second = Submit(other);
  ASSERT_EQ(second->name(), first->name());
  EXPECT_EQ(Submit(spec)->reason(), "TASK_GONE") << "the other one lives";
  Finish(*second);
  EXPECT_EQ(Submit(spec)->reason(), "TASK_GONE") << "the other one is kept";
}

TEST_F(RequestIdTest, OneBatchMayHoldARepetition) {
  auto first = std::make_shared<Answer>();
  auto again = std::make_shared<Answer>();
  std::vector<Submission> batch;
  batch.push_back(SubmissionOf(WithRequestId("r"), first));
  batch.push_back(SubmissionOf(WithRequestId("r"), again));
  intake_->SubmitBatch(std::move(batch));
  EXPECT_FALSE(first->receipt->duplicate);
  EXPECT_TRUE(again->receipt->duplicate);
}

TEST_F(RequestIdTest, ManyThreadsWithOneIdMakeOneTask) {
  for (int threads : {1, 2, 8}) {
    std::vector<std::vector<std::shared_ptr<Answer>>> answers(threads);
    std::vector<std::thread> clients;
    for (int t = 0; t < threads; ++t) {
      clients.emplace_back([&, t] {
        for (int i = 0; i < 100; ++i) {
          auto answer = std::make_shared<Answer>();
          answers[t].push_back(answer);
          intake_->Submit(SubmissionOf(WithRequestId(absl::StrCat(threads, "-", i)), answer));
        }
      });
    }
    for (std::thread& client : clients) client.join();
    for (int i = 0; i < 100; ++i) {
      int originals = 0;
      for (int t = 0; t < threads; ++t) {
        ASSERT_TRUE(answers[t][i]->receipt.ok());
        EXPECT_EQ(answers[t][i]->name(), answers[0][i]->name());
        if (!answers[t][i]->receipt->duplicate) ++originals;
      }
      EXPECT_EQ(originals, 1);
    }
  }
}

}  // namespace
}  // namespace taskforge

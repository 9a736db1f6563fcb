// The durable store without threads: what each step does, and what needs a batch of one's own
// choice.
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "unit/store/durable_store_fixture.h"

namespace taskforge {
namespace {

class DurableStoreStepsTest : public DurableStoreFixture {
 protected:
  DurableStoreStepsTest() {
    store_ = nullptr;
    options_.flush_interval = absl::Milliseconds(100);
    auto store = DurableStore::Open(options_, {engine_, clock_, nullptr, nullptr});
    store_ = *std::move(store);
    EXPECT_TRUE(store_->RecoverWithoutThreads([](Ref<TaskRecord>) {}).ok());
  }

  ~DurableStoreStepsTest() override { store_ = nullptr; }  // It answers, also at its end.

  TaskStore::StatusCallback Answer() {
    return [this](const absl::Status& status) { answers_.push_back(status); };
  }
  Ref<TaskRecord> Accepted(Durability durability = Durability::kDurable,
                           const std::string& id = "") {
    Ref<TaskRecord> record = Record();
    auto spec = MakeRef<TaskSpec>(*record->spec);
    spec->origin.Edit().task_id = id;
    record->spec = std::move(spec);
    record->effective_durability = durability;
    TaskStore::Appending appending = AppendingOf(record, Answer());
    store_->Append({&appending, 1});
    return record;
  }
  void End(const Ref<TaskRecord>& record) {
    TaskStore::Completing completing{
        {record->name(), store_->boot_epoch(), 1}, Ended(*record), Answer()};
    store_->CompleteIf({&completing, 1});
  }
  void CommitAndAnswer() {
    EXPECT_TRUE(store_->CommitStep());
    store_->AnswerStep(0);
  }

  std::vector<absl::Status> answers_;
};

TEST_F(DurableStoreStepsTest, WritesThenAnswers) {
  EXPECT_FALSE(store_->CommitStep());
  Accepted();
  EXPECT_TRUE(store_->CommitStep());
  EXPECT_EQ(disk_.unsynced(), 0u);
  EXPECT_TRUE(answers_.empty());
  ASSERT_EQ(store_->unanswered(), 1u);
  store_->AnswerStep(0);
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_TRUE(answers_[0].ok());
  EXPECT_EQ(store_->unanswered(), 0u);
}

// As there are two threads that commit.
TEST_F(DurableStoreStepsTest, LeavesNoMoreThanTwoBatchesUnanswered) {
  for (int i = 0; i < 2; ++i) {
    Accepted();
    EXPECT_TRUE(store_->CommitStep());
  }
  Accepted();
  EXPECT_FALSE(store_->CommitStep());
  store_->AnswerStep(1);
  EXPECT_TRUE(store_->CommitStep());
}

TEST_F(DurableStoreStepsTest, SyncsWhatIsBufferedWhenItsClockSaysSo) {
  Accepted(Durability::kBuffered);
  CommitAndAnswer();
  EXPECT_EQ(disk_.unsynced(), 1u);
  EXPECT_EQ(store_->flush_due(), clock_.Monotonic() + absl::Milliseconds(100));
  EXPECT_FALSE(store_->CommitStep());
  clock_.Advance(absl::Milliseconds(100));
  EXPECT_TRUE(store_->CommitStep());
  EXPECT_EQ(disk_.unsynced(), 0u);
  EXPECT_EQ(store_->flush_due(), MonoTime::Max());
}

TEST_F(DurableStoreStepsTest, ReadsOneAfterTheOther) {
  int reads = 0;
  for (int i = 0; i < 2; ++i) {
    store_->Read("queues/default/tasks/none", [&](const absl::StatusOr<TaskRecordPtr>& record) {
      EXPECT_TRUE(absl::IsNotFound(record.status()));
      ++reads;
    });
  }
  EXPECT_EQ(reads, 0);
  EXPECT_TRUE(store_->ReadStep());
  EXPECT_EQ(reads, 1);
  EXPECT_TRUE(store_->ReadStep());
  EXPECT_FALSE(store_->ReadStep());
}

TEST_F(DurableStoreStepsTest, AStopTakesTheStepsThatAreLeft) {
  Accepted();
  EXPECT_TRUE(store_->CommitStep());
  Accepted(Durability::kBuffered);
  store_->Stop();
  EXPECT_EQ(answers_.size(), 2u);
  EXPECT_EQ(disk_.unsynced(), 0u);
}

// Else it would stay for good: nobody looks for the progress of what has ended.
TEST_F(DurableStoreStepsTest, ANoteInTheBatchOfTheEndLeavesNothing) {
  const auto record = Accepted();
  CommitAndAnswer();
  End(record);
  store_->Note(record, Answer());
  CommitAndAnswer();
  EXPECT_EQ(answers_.size(), 3u);
  EXPECT_EQ(disk_.Count(StoreTable::kProgress), 0u);
}

TEST_F(DurableStoreStepsTest, OfTwoEndsInOneBatchTheFirstIsRecorded) {
  const auto record = Accepted();
  CommitAndAnswer();
  End(record);
  End(record);
  CommitAndAnswer();
  ASSERT_EQ(answers_.size(), 3u);
  EXPECT_TRUE(answers_[1].ok());
  EXPECT_EQ(DetailsOf(answers_[2]).reason, "TASK_ENDED");
  EXPECT_EQ(store_->Stats().completed, 1u);
}

TEST_F(DurableStoreStepsTest, ADeletedTaskLeavesNothing) {
  const auto record = Accepted(Durability::kDurable, "mine");
  CommitAndAnswer();
  End(record);
  CommitAndAnswer();
  EXPECT_EQ(disk_.Count(StoreTable::kNames), 1u);
  store_->Delete(record->name(), Answer());
  CommitAndAnswer();
  EXPECT_TRUE(answers_.back().ok());
  for (const StoreTable table : {StoreTable::kLive, StoreTable::kEnded, StoreTable::kNames}) {
    EXPECT_EQ(disk_.Count(table), 0u) << static_cast<int>(table);
  }
}

}  // namespace
}  // namespace taskforge

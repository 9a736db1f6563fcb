// A store that no server uses: what is said to be in it, and what is noticed when it does not fit.
#include "store/store_report.h"

#include "gmock/gmock.h"
#include "store/record_codec.h"
#include "store/store_keys.h"
#include "unit/store/durable_store_fixture.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StoreReportTest : public DurableStoreFixture {
 protected:
  // One that waits and was named by a client, with a request_id; and one that has ended.
  void Fill() {
    waiting_ = Record("r1");
    auto spec = MakeRef<TaskSpec>(*waiting_->spec);
    spec->origin.Edit().task_id = "mine";
    waiting_->spec = std::move(spec);
    ASSERT_TRUE(Append(waiting_).ok());
    ended_ = Record("r2");
    ASSERT_TRUE(Append(ended_).ok());
    ASSERT_TRUE(Complete(Ended(*ended_)).ok());
  }
  StoreReport Inspect() {
    absl::StatusOr<StoreReport> report = InspectStore(engine_, clock_.Now());
    EXPECT_TRUE(report.ok()) << report.status();
    return *std::move(report);
  }
  std::vector<std::string> Problems() {
    const absl::StatusOr<StoreProblems> problems = VerifyRecords(engine_, clock_.Now());
    EXPECT_TRUE(problems.ok()) << problems.status();
    EXPECT_EQ(problems->count, problems->told.size());
    return problems->told;
  }
  void Put(StoreTable table, const std::string& key, const std::string& value) {
    const auto batch = engine_.NewBatch();
    batch->Put(table, key, value);
    ASSERT_TRUE(engine_.Write(*batch, true).ok());
  }
  void Delete(StoreTable table, const std::string& key) {
    const auto batch = engine_.NewBatch();
    batch->Delete(table, key);
    ASSERT_TRUE(engine_.Write(*batch, true).ok());
  }
  std::string NameOfWaiting() const {
    return NameKey(kDefaultNamespace, "queues/default/tasks/mine");
  }

  Ref<TaskRecord> waiting_;
  Ref<TaskRecord> ended_;
};

TEST_F(StoreReportTest, CountsByTableAndState) {
  Fill();
  const StoreReport report = Inspect();
  EXPECT_EQ(report.tables[static_cast<size_t>(StoreTable::kLive)].entries, 1u);
  EXPECT_EQ(report.tables[static_cast<size_t>(StoreTable::kEnded)].entries, 1u);
  EXPECT_EQ(report.tables[static_cast<size_t>(StoreTable::kRequests)].entries, 2u);
  EXPECT_EQ(report.tasks[static_cast<size_t>(TaskState::kQueued)], 1u);
  EXPECT_EQ(report.tasks[static_cast<size_t>(TaskState::kSucceeded)], 1u);
  EXPECT_EQ(report.boot_epoch, store_->boot_epoch());
  EXPECT_EQ(report.oldest, clock_.Now());
  EXPECT_EQ(report.damaged, 0u);
}

// What a note says of a living task is its state.
TEST_F(StoreReportTest, FollowsTheNotes) {
  Fill();
  auto running = MakeRef<TaskRecord>(*waiting_);
  running->state = TaskState::kRunning;
  Put(StoreTable::kProgress, UidKey(waiting_->uid), EncodeProgress(*running));
  const StoreReport report = Inspect();
  EXPECT_EQ(report.tasks[static_cast<size_t>(TaskState::kQueued)], 0u);
  EXPECT_EQ(report.tasks[static_cast<size_t>(TaskState::kRunning)], 1u);
}

TEST_F(StoreReportTest, WhatIsOverIsNoTask) {
  Fill();
  store_ = nullptr;  // Whose thread would let it go.
  clock_.Advance(absl::Hours(2));
  const StoreReport report = Inspect();
  EXPECT_EQ(report.tasks[static_cast<size_t>(TaskState::kSucceeded)], 0u);
  EXPECT_EQ(report.tables[static_cast<size_t>(StoreTable::kEnded)].expired, 1u);
}

TEST_F(StoreReportTest, KnowsAStopFromAKill) {
  EXPECT_FALSE(Inspect().is_stopped_clean);
  store_ = nullptr;
  EXPECT_TRUE(Inspect().is_stopped_clean);
  Open();
  EXPECT_FALSE(Inspect().is_stopped_clean);
  CrashNow(0);
  EXPECT_FALSE(Inspect().is_stopped_clean);
}

TEST_F(StoreReportTest, FindsNothingWrongWhereNothingIs) {
  Fill();
  EXPECT_THAT(Problems(), IsEmpty());
  // Names and records of ended tasks go at different times.
  clock_.Advance(absl::Hours(2));
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(StoreReportTest, FindsWhatCannotBeRead) {
  Fill();
  Put(StoreTable::kLive, UidKey(waiting_->uid), "no record");
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr(waiting_->uid.ToString())));
  EXPECT_EQ(Inspect().damaged, 1u);
  Put(StoreTable::kLive, "short", EncodeRecord(*waiting_));
  EXPECT_THAT(Problems(), ::testing::Contains(HasSubstr("is no key of a task")));
}

TEST_F(StoreReportTest, FindsARecordUnderAnothersKey) {
  Fill();
  Put(StoreTable::kLive, UidKey(uuids_.Next(clock_.Now())), EncodeRecord(*waiting_));
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("another task")));
}

TEST_F(StoreReportTest, FindsEndsAndLivesInTheWrongPlace) {
  Fill();
  Put(StoreTable::kEnded, EndedKey(5, waiting_->uid), EncodeRecord(*waiting_));
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("has not ended")));
  Delete(StoreTable::kEnded, EndedKey(5, waiting_->uid));
  Put(StoreTable::kEnded, EndedKey(1, ended_->uid), EncodeRecord(*Ended(*ended_)));
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("class of life")));
}

TEST_F(StoreReportTest, FindsNamesThatLeadNowhereAndTasksThatNoNameLeadsTo) {
  Fill();
  Put(StoreTable::kNames, NameOfWaiting(),
      ExpiringValue(absl::InfiniteFuture(), UidKey(uuids_.Next(clock_.Now()))));
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("does not lead to it"), HasSubstr("not there")));
  Delete(StoreTable::kNames, NameOfWaiting());
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("does not lead to it")));
}

TEST_F(StoreReportTest, FindsRequestsThatAreGoneOrOfNobody) {
  Fill();
  const std::string key = RequestKeyOf(*waiting_->spec);
  const std::string value = *disk_.Get(StoreTable::kRequests, key);
  Delete(StoreTable::kRequests, key);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("it would run twice")));
  Put(StoreTable::kRequests, key, value);
  EXPECT_THAT(Problems(), IsEmpty());
  Delete(StoreTable::kLive, UidKey(waiting_->uid));
  EXPECT_THAT(Problems(), ::testing::Contains(HasSubstr("living task that is not there")));
}

TEST_F(StoreReportTest, FindsNotesOfNobody) {
  Fill();
  Put(StoreTable::kProgress, UidKey(ended_->uid), EncodeProgress(*waiting_));
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("does not live")));
}

TEST_F(StoreReportTest, TellsTheFirstOfManyAndCountsAll) {
  for (int i = 0; i < 150; ++i) {
    Put(StoreTable::kLive, UidKey(uuids_.Next(clock_.Now())), "no record");
  }
  const absl::StatusOr<StoreProblems> problems = VerifyRecords(engine_, clock_.Now());
  ASSERT_TRUE(problems.ok());
  EXPECT_EQ(problems->count, 150u);
  EXPECT_EQ(problems->told.size(), StoreProblems::kMostTold);
}

}  // namespace
}  // namespace taskforge

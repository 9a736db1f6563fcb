// What the durable store keeps beyond the contract of every store: what survives a crash, what a
// list shows meanwhile, and what leaves.
#include "store/durable_store.h"

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/task_tables.h"
#include "unit/store/durable_store_fixture.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DurableStoreTest : public DurableStoreFixture {};

TEST_F(DurableStoreTest, WhatWasAcknowledgedSurvivesACrash) {
  const auto first = Record();
  const auto second = Record();
  ASSERT_TRUE(Append(first).ok());
  ASSERT_TRUE(Append(second).ok());
  CrashAndOpen();
  EXPECT_THAT(Recovered(), ElementsAre(first->uid, second->uid));
}

TEST_F(DurableStoreTest, SoDoesAnEnd) {
  const auto record = Record();
  ASSERT_TRUE(Append(record).ok());
  ASSERT_TRUE(Complete(Ended(*record)).ok());
  CrashAndOpen();
  EXPECT_THAT(Recovered(), IsEmpty());
  EXPECT_EQ((*Read(record->name()))->state, TaskState::kSucceeded);
}

TEST_F(DurableStoreTest, ANoteIsThereForWhoTakesOver) {
  options_.flush_interval = absl::Minutes(1);
  CrashAndOpen();
  const auto record = Record();
  ASSERT_TRUE(Append(record).ok());
  auto running = MakeRef<TaskRecord>(*record);
  running->state = TaskState::kRunning;
  running->history.Edit().attempts.push_back(
      {.number = 1, .queued_time = clock_.Now(), .executor = "pool/seat-0", .error = {}});
  ASSERT_TRUE(Note(running).ok());
  EXPECT_EQ(disk_.unsynced(), 1u);  // It asks for no sync.
  CrashNow(1);
  ASSERT_THAT(recovered_, ::testing::SizeIs(1));
  EXPECT_EQ(recovered_[0]->state, TaskState::kRunning);
  EXPECT_EQ(recovered_[0]->history->attempts.size(), 1u);
}

TEST_F(DurableStoreTest, ANoteThatWasNotSyncedIsMissingAndNothingElse) {
  options_.flush_interval = absl::Minutes(1);
  CrashAndOpen();
  const auto record = Record();
  ASSERT_TRUE(Append(record).ok());
  auto running = MakeRef<TaskRecord>(*record);
  running->state = TaskState::kRunning;
  ASSERT_TRUE(Note(running).ok());
  CrashNow(0);
  ASSERT_THAT(recovered_, ::testing::SizeIs(1));
  EXPECT_EQ(recovered_[0]->state, TaskState::kQueued);
}

TEST_F(DurableStoreTest, ANoteAfterTheEndLeavesNothing) {
  const auto record = Record();
  ASSERT_TRUE(Append(record).ok());
  ASSERT_TRUE(Complete(Ended(*record)).ok());
  EXPECT_TRUE(Note(record).ok());
  store_ = nullptr;
  EXPECT_EQ(disk_.Count(StoreTable::kProgress), 0u);
  Open();
}

TEST_F(DurableStoreTest, ARequestIdIsKnownAfterACrash) {
  const auto record = Record("order-1");
  ASSERT_TRUE(Append(record).ok());
  CrashAndOpen();
  EXPECT_TRUE(absl::IsAlreadyExists(Append(Record("order-1"))));
  EXPECT_EQ(known_.uid, record->uid);
  EXPECT_EQ(known_.task_name, record->name());
  EXPECT_EQ(known_.hash, HashOf(*record->spec));
  EXPECT_EQ(disk_.Count(StoreTable::kLive), 1u);
}

TEST_F(DurableStoreTest, ARequestIdIsKnownForItsTimeAfterTheEnd) {
  const auto record = Record("order-1");
  ASSERT_TRUE(Append(record).ok());
  clock_.Advance(absl::Hours(100));  // However long it lives.
  EXPECT_TRUE(absl::IsAlreadyExists(Append(Record("order-1"))));
  ASSERT_TRUE(Complete(Ended(*record)).ok());
  clock_.Advance(options_.request_id_ttl - absl::Milliseconds(1));
  EXPECT_TRUE(absl::IsAlreadyExists(Append(Record("order-1"))));
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(Append(Record("order-1")).ok());
}

TEST_F(DurableStoreTest, EachLifeHasAGreaterEpoch) {
  const uint64_t first = store_->boot_epoch();
  CrashAndOpen();
  const uint64_t second = store_->boot_epoch();
  EXPECT_GT(second, first);
  CrashAndOpen();
  EXPECT_GT(store_->boot_epoch(), second);
}

TEST_F(DurableStoreTest, AnEndOfAnotherLifeIsRefused) {
  const auto record = Record();
  ASSERT_TRUE(Append(record).ok());
  const uint64_t before = store_->boot_epoch();
  CrashAndOpen();
  Answers answers;
  TaskStore::Completing completing{{record->name(), before, 1}, Ended(*record), answers.Take()};
  store_->CompleteIf({&completing, 1});
  EXPECT_EQ(DetailsOf(answers.Await().front()).reason, "FENCED");
  EXPECT_TRUE(Complete(Ended(*record)).ok());
}

// The sweeper sleeps without a time while there is no finished task.
TEST_F(DurableStoreTest, ItsOwnSweeperLearnsOfANewClass) {
  const auto brief = Record();
  const auto later = Record();
  ASSERT_TRUE(Append(brief).ok());
  ASSERT_TRUE(Append(later).ok());
  ASSERT_TRUE(Complete(Ended(*brief, absl::Seconds(1))).ok());
  clock_.Advance(absl::Minutes(10));
  ASSERT_TRUE(Complete(Ended(*later, absl::Hours(10))).ok());  // Of another class.
  const MonoTime give_up = SystemClock().Monotonic() + absl::Seconds(60);
  while (disk_.Count(StoreTable::kEnded) > 1) {
    ASSERT_LT(SystemClock().Monotonic(), give_up) << "nobody swept";
    std::this_thread::yield();
  }
  EXPECT_TRUE(Read(later->name()).ok());
}

TEST_F(DurableStoreTest, ASettingSurvivesACrashAsItWasPutLast) {
  const auto write = [&](std::vector<Setting> settings) {
    Answers answers;
    store_->WriteSettings(std::move(settings), answers.Take());
    return answers.Await().front();
  };
  ASSERT_TRUE(write({{"queue/b", "1"}}).ok());
  ASSERT_TRUE(write({{"queue/a", "2"}, {"queuf/a", "other"}, {"queue/c", "gone"}}).ok());
  ASSERT_TRUE(write({{"queue/b", "3"}, {"queue/c", ""}}).ok());
  CrashAndOpen();
  EXPECT_THAT(*store_->ReadSettings("queue/"),
              ElementsAre(Setting{"queue/a", "2"}, Setting{"queue/b", "3"}));
  EXPECT_THAT(*store_->ReadSettings("queuf/"), ElementsAre(Setting{"queuf/a", "other"}));
  EXPECT_THAT(Recovered(), IsEmpty());
  disk_.FailFrom(1, ReasonError(absl::StatusCode::kUnavailable, "STORE_FAILED", "I/O error"));
  EXPECT_EQ(DetailsOf(write({{"queue/a", "4"}})).reason, "STORE_FAILED");
}

TEST_F(DurableStoreTest, FindsARequestThatItKnows) {
  const auto record = Record("order-1");
  ASSERT_TRUE(Append(record).ok());
  const auto find = [&](const std::string& key) {
    absl::StatusOr<std::optional<KnownRequest>> found;
    Notification done;
    store_->FindRequest(key, [&](absl::StatusOr<std::optional<KnownRequest>> known) {
      found = std::move(known);
      done.Notify();
    });
    done.Wait();
    return found;
  };
  const auto known = find(RequestKeyOf(*record->spec));
  ASSERT_TRUE(known.ok() && known->has_value());
  EXPECT_EQ((*known)->uid, record->uid);
  EXPECT_FALSE(find(RequestKeyOf(*Record("order-2")->spec))->has_value());
}

TEST_F(DurableStoreTest, KnowsTheGreatestOfWhatHasEnded) {
  EXPECT_EQ(store_->greatest_uid(), Uuid());
  const auto first = Record();
  const auto second = Record();
  for (const auto& record : {first, second}) ASSERT_TRUE(Append(record).ok());
  ASSERT_TRUE(Complete(Ended(*second, absl::Seconds(10))).ok());
  ASSERT_TRUE(Complete(Ended(*first, absl::Hours(10))).ok());
  CrashAndOpen();
  EXPECT_EQ(store_->greatest_uid(), second->uid);
}

TEST_F(DurableStoreTest, AListShowsATaskWhoseEndIsBeingWritten) {
  const auto record = Record();
  ASSERT_TRUE(Append(record).ok());
  size_t listed = 0;
  disk_.before_write = [&] {
    Notification done;
    store_->List({}, 10, "", [&](absl::StatusOr<TaskPage> page) {
      listed = page->records.size();
      done.Notify();
    });
    done.Wait();
  };
  ASSERT_TRUE(Complete(Ended(*record)).ok());
  EXPECT_EQ(listed, 1u);
  disk_.before_write = {};  // Nobody writes now, but the store does at its end.
}

TEST_F(DurableStoreTest, AListShowsEachTaskOnceWhileTasksEnd) {
  constexpr size_t kTasks = 400;
  std::vector<Ref<TaskRecord>> records;
  for (size_t i = 0; i < kTasks; ++i) {
    records.push_back(Record());
    ASSERT_TRUE(Append(records.back()).ok());
  }
  std::atomic<bool> all_ended{false};
  std::thread ender([&] {
    for (const Ref<TaskRecord>& record : records) EXPECT_TRUE(Complete(Ended(*record)).ok());
    all_ended.store(true);
  });
  bool is_last = false;
  while (!is_last) {
    is_last = all_ended.load();
    TaskPage page;
    Notification done;
    store_->List({}, 1000, "", [&](absl::StatusOr<TaskPage> listed) {
      page = *std::move(listed);
      done.Notify();
    });
    done.Wait();
    ASSERT_EQ(page.records.size(), kTasks);
    for (size_t i = 0; i < kTasks; ++i) {
      ASSERT_EQ(page.records[i].uid, records[kTasks - 1 - i]->uid) << i;
    }
  }
  ender.join();
}

TEST_F(DurableStoreTest, WhatIsOverLeavesTheDisk) {
  const auto brief = Record();
  const auto lasting = Record();
  ASSERT_TRUE(Append(brief).ok());
  ASSERT_TRUE(Append(lasting).ok());
  ASSERT_TRUE(Complete(Ended(*brief, absl::Seconds(10))).ok());
  ASSERT_TRUE(Complete(Ended(*lasting, absl::Hours(10))).ok());
  const auto tables = TaskTables::Open(engine_);
  ASSERT_TRUE(tables.ok());
  EXPECT_FALSE(*(*tables)->Sweep(clock_.Now()));
  clock_.Advance(absl::Seconds(30));
  EXPECT_TRUE(*(*tables)->Sweep(clock_.Now()));
  EXPECT_EQ(disk_.Count(StoreTable::kEnded), 1u);
  EXPECT_TRUE(Read(lasting->name()).ok());
  EXPECT_FALSE(*(*tables)->Sweep(clock_.Now() + absl::Seconds(2)));
}

TEST_F(DurableStoreTest, ADamagedTaskIsToldAndStopsTheStart) {
  const auto record = Record();
  ASSERT_TRUE(Append(record).ok());
  store_ = nullptr;
  const auto batch = engine_.NewBatch();
  batch->Put(StoreTable::kLive, UidKey(record->uid), "no record");
  ASSERT_TRUE(engine_.Write(*batch, true).ok());
  auto store = DurableStore::Open(options_, {engine_, clock_, {}, {}});
  ASSERT_TRUE(store.ok());
  const absl::Status status = (*store)->Recover([](Ref<TaskRecord>) {});
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(status.message(), ::testing::HasSubstr(record->uid.ToString()));
}

TEST_F(DurableStoreTest, WhereItIsToldToItGoesOnWithoutADamagedTask) {
  const auto damaged = Record();
  const auto sound = Record();
  for (const auto& record : {damaged, sound}) ASSERT_TRUE(Append(record).ok());
  store_ = nullptr;
  const auto batch = engine_.NewBatch();
  batch->Put(StoreTable::kLive, UidKey(damaged->uid), "no record");
  ASSERT_TRUE(engine_.Write(*batch, true).ok());
  options_.accept_damage = true;
  Open();
  EXPECT_THAT(Recovered(), ElementsAre(sound->uid));
  EXPECT_EQ(store_->damaged_records(), 1u);
}

TEST(DurableStoreOptionsTest, SaysEveryErrorAtOnce) {
  DurableStoreOptions options;
  EXPECT_THAT(options.Validate(), IsEmpty());
  options.batch.ops = 1;
  options.flush_interval = absl::ZeroDuration();
  EXPECT_THAT(options.Validate(), ::testing::SizeIs(2));
}

}  // namespace
}  // namespace taskforge

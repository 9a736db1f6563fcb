// When the durable store syncs, who shares a sync, and what is told when the disk fails or is full,
// or the store is stopped.
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/durable_store.h"
#include "unit/store/durable_store_fixture.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;

class DurableStoreSyncTest : public DurableStoreFixture {};

TEST_F(DurableStoreSyncTest, BufferedIsSyncedWithinItsInterval) {
  options_.flush_interval = absl::Milliseconds(1);
  CrashAndOpen();
  const uint64_t before = disk_.syncs();
  const auto record = Record();
  record->effective_durability = Durability::kBuffered;
  ASSERT_TRUE(Append(record).ok());
  while (disk_.unsynced() > 0) std::this_thread::yield();
  EXPECT_GT(disk_.syncs(), before);
  CrashAndOpen();
  EXPECT_THAT(Recovered(), ElementsAre(record->uid));
}

TEST_F(DurableStoreSyncTest, BufferedIsAcknowledgedBeforeItIsSynced) {
  options_.flush_interval = absl::Minutes(1);
  CrashAndOpen();
  const auto record = Record();
  record->effective_durability = Durability::kBuffered;
  ASSERT_TRUE(Append(record).ok());
  EXPECT_EQ(disk_.unsynced(), 1u);
}

TEST_F(DurableStoreSyncTest, NothingIsAcknowledgedAfterTheDiskFailed) {
  const auto record = Record();
  ASSERT_TRUE(Append(record).ok());
  disk_.FailFrom(1, ReasonError(absl::StatusCode::kUnavailable, "STORE_FAILED", "I/O error"));
  EXPECT_EQ(DetailsOf(Append(Record())).reason, "STORE_FAILED");
  failed_.Wait();
  EXPECT_EQ(DetailsOf(failure_).reason, "STORE_FAILED");
  const uint64_t writes = disk_.writes();
  EXPECT_EQ(DetailsOf(Append(Record())).reason, "STORE_FAILED");
  EXPECT_EQ(DetailsOf(Complete(Ended(*record))).reason, "STORE_FAILED");
  EXPECT_EQ(disk_.writes(), writes);  // Nor is it tried.
  EXPECT_TRUE(store_->EngineStats().has_failed);
  CrashAndOpen();
  EXPECT_THAT(Recovered(), ElementsAre(record->uid));
}

// The pages of a sync that failed are gone, and the next sync says OK.
TEST_F(DurableStoreSyncTest, NothingIsAcknowledgedThoughTheDiskWorksAgain) {
  disk_.FailFrom(1, ReasonError(absl::StatusCode::kUnavailable, "STORE_FAILED", "I/O error"));
  EXPECT_EQ(DetailsOf(Append(Record())).reason, "STORE_FAILED");
  disk_.FailFrom(0, absl::OkStatus());
  const uint64_t writes = disk_.writes();
  EXPECT_EQ(DetailsOf(Append(Record())).reason, "STORE_FAILED");
  EXPECT_EQ(disk_.writes(), writes);
}

TEST_F(DurableStoreSyncTest, AFullDiskRefusesAndLosesNothing) {
  const auto record = Record();
  ASSERT_TRUE(Append(record).ok());
  disk_.FailFrom(1, ReasonError(absl::StatusCode::kResourceExhausted, "STORE_FULL", "full"));
  EXPECT_EQ(DetailsOf(Append(Record())).reason, "STORE_FULL");
  EXPECT_EQ(DetailsOf(Complete(Ended(*record))).reason, "STORE_FULL");
  EXPECT_FALSE(store_->EngineStats().has_failed);
  disk_.FailFrom(0, absl::OkStatus());  // There is room again.
  EXPECT_TRUE(Complete(Ended(*record)).ok());
  EXPECT_TRUE(Append(Record()).ok());
  EXPECT_EQ(store_->Stats().live_records, 1u);
}

TEST_F(DurableStoreSyncTest, WithoutRoomTasksAreRefusedAndEndsAreNot) {
  const auto record = Record("order-1");
  ASSERT_TRUE(Append(record).ok());
  room_ = ReasonError(absl::StatusCode::kResourceExhausted, "STORE_FULL", "little is left");
  EXPECT_EQ(DetailsOf(Append(Record())).reason, "STORE_FULL");
  EXPECT_TRUE(absl::IsAlreadyExists(Append(Record("order-1"))));  // That one is here already.
  EXPECT_TRUE(Complete(Ended(*record)).ok());
}

TEST_F(DurableStoreSyncTest, StopAnswersAllThatCameBeforeAndAllAfter) {
  Answers answers;
  for (int i = 0; i < 500; ++i) {
    TaskStore::Appending appending = AppendingOf(Record(), answers.Take());
    store_->Append({&appending, 1});
  }
  store_->Stop();
  for (const absl::Status& status : answers.Await()) EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(DetailsOf(Append(Record())).reason, "STORE_FAILED");
  EXPECT_EQ(disk_.Count(StoreTable::kLive), 500u);
}

TEST_F(DurableStoreSyncTest, WhatComesWhileTheDiskIsBusySharesASync) {
  constexpr int kTasks = 500;
  Notification first_write;
  Notification all_asked;
  disk_.before_write = [&] {
    if (first_write.HasBeenNotified()) return;
    first_write.Notify();
    all_asked.Wait();
  };
  const uint64_t before = disk_.syncs();
  Answers answers;
  TaskStore::Appending first = AppendingOf(Record(), answers.Take());
  store_->Append({&first, 1});
  first_write.Wait();
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t) {
    writers.emplace_back([&] {
      for (int i = 0; i < kTasks / 4; ++i) {
        TaskStore::Appending appending = AppendingOf(Record(), answers.Take());
        store_->Append({&appending, 1});
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  all_asked.Notify();
  for (const absl::Status& status : answers.Await()) ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(disk_.syncs() - before, 2u);
  CrashAndOpen();
  EXPECT_EQ(recovered_.size(), static_cast<size_t>(kTasks + 1));
}

// Writes without a pause, of which none asks for a sync of its own.
TEST_F(DurableStoreSyncTest, BufferedIsSyncedWithinItsIntervalUnderSteadyLoadToo) {
  options_.flush_interval = absl::Milliseconds(1);
  CrashAndOpen();
  const uint64_t before = disk_.syncs();
  const MonoTime give_up = SystemClock().Monotonic() + absl::Seconds(60);
  while (disk_.syncs() == before) {
    ASSERT_LT(SystemClock().Monotonic(), give_up) << "nothing was synced";
    // The next is there before this one is answered: the queue is never empty.
    Answers answers;
    for (int i = 0; i < 3'000; ++i) {
      auto record = Record();
      record->effective_durability = Durability::kBuffered;
      TaskStore::Appending appending = AppendingOf(record, answers.Take());
      store_->Append({&appending, 1});
    }
    for (const absl::Status& status : answers.Await()) ASSERT_TRUE(status.ok()) << status;
  }
}

TEST_F(DurableStoreSyncTest, AnOverdueSyncGoesWithTheNextWrite) {
  options_.flush_interval = absl::Milliseconds(1);
  CrashAndOpen();
  const uint64_t before = disk_.syncs();
  // Each write takes longer than the interval, and the next one waits already.
  disk_.before_write = [] { Notification().WaitFor(absl::Milliseconds(3)); };
  Answers answers;
  std::vector<TaskStore::Appending> batch;
  for (int i = 0; i < 3'500; ++i) {  // Four commits.
    auto record = Record();
    record->effective_durability = Durability::kBuffered;
    batch.push_back(AppendingOf(record, answers.Take()));
  }
  store_->Append(absl::MakeSpan(batch));
  for (const absl::Status& status : answers.Await()) ASSERT_TRUE(status.ok()) << status;
  const uint64_t by_writes = disk_.syncs() - before;
  store_ = nullptr;
  disk_.before_write = {};
  EXPECT_GE(by_writes, 1u);
}

TEST_F(DurableStoreSyncTest, AStopSyncsWhatWasBuffered) {
  options_.flush_interval = absl::Minutes(1);
  CrashAndOpen();
  const auto record = Record();
  record->effective_durability = Durability::kBuffered;
  ASSERT_TRUE(Append(record).ok());
  CrashAndOpen();  // After a stop.
  EXPECT_THAT(Recovered(), ElementsAre(record->uid));
}

TEST_F(DurableStoreSyncTest, WhoeverReadsAfterAStopIsAnswered) {
  store_->Stop();
  EXPECT_EQ(DetailsOf(Read("queues/default/tasks/none").status()).reason, "STORE_FAILED");
}

TEST_F(DurableStoreSyncTest, WhoIsAnsweredAtTheStopMayRead) {
  absl::Status read;
  Notification done;
  disk_.before_write = [&] { store_->Stats(); };
  TaskStore::Appending appending = AppendingOf(Record(), [&](const absl::Status&) {
    store_->Read("queues/default/tasks/none", [&](const absl::StatusOr<TaskRecordPtr>& record) {
      read = record.status();
      done.Notify();
    });
  });
  store_->Append({&appending, 1});
  store_->Stop();
  done.Wait();
  EXPECT_TRUE(absl::IsNotFound(read)) << read;
  disk_.before_write = {};
}

TEST_F(DurableStoreSyncTest, TheFailureIsToldBeforeAnybodyHearsOfIt) {
  disk_.FailFrom(1, ReasonError(absl::StatusCode::kUnavailable, "STORE_FAILED", "I/O error"));
  bool was_told = false;
  Notification answered;
  TaskStore::Appending appending = AppendingOf(Record(), [&](const absl::Status&) {
    was_told = failed_.HasBeenNotified();
    answered.Notify();
  });
  store_->Append({&appending, 1});
  answered.Wait();
  EXPECT_TRUE(was_told);
}

TEST_F(DurableStoreSyncTest, AFailureOfTheLastSyncIsToldToo) {
  options_.flush_interval = absl::Minutes(1);
  CrashAndOpen();
  const auto record = Record();
  record->effective_durability = Durability::kBuffered;
  ASSERT_TRUE(Append(record).ok());
  disk_.FailFrom(1, ReasonError(absl::StatusCode::kUnavailable, "STORE_FAILED", "I/O error"));
  store_->Stop();
  EXPECT_TRUE(failed_.HasBeenNotified());
}

}  // namespace
}  // namespace taskforge

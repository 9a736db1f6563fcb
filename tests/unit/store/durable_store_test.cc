// What the durable store promises beyond the contract of every store: what survives a crash, what
// is told when the disk fails, and what leaves.
#include "store/durable_store.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/task_tables.h"
#include "support/fake_clock.h"
#include "support/sim_engine.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Collects what comes on other threads.
class Answers {
 public:
  TaskStore::StatusCallback Take() {
    expected_.fetch_add(1);
    return [this](absl::Status status) { Add(std::move(status)); };
  }
  void Add(absl::Status status) {
    MutexLock lock(mu_);
    statuses_.push_back(std::move(status));
    came_.SignalAll();
  }
  // All that were asked for.
  std::vector<absl::Status> Await() {
    MutexLock lock(mu_);
    while (statuses_.size() < expected_.load()) came_.Wait(mu_);
    return statuses_;
  }

 private:
  std::atomic<size_t> expected_{0};
  Mutex mu_;
  CondVar came_;
  std::vector<absl::Status> statuses_ ABSL_GUARDED_BY(mu_);
};

class DurableStoreTest : public ::testing::Test {
 protected:
  DurableStoreTest() { Open(); }
  ~DurableStoreTest() override { store_ = nullptr; }

  void Open() {
    DurableStore::Parts parts{engine_, clock_, [this] { return room_; },
                              [this](const absl::Status& why) {
                                failure_ = why;
                                failed_.Notify();
                              }};
    absl::StatusOr<std::unique_ptr<DurableStore>> store =
        DurableStore::Open(options_, std::move(parts));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    recovered_.clear();
    ASSERT_TRUE(
        store_->Recover([this](Ref<TaskRecord> record) { recovered_.push_back(record); }).ok());
  }
  // Power goes while nothing is on its way; of what was not synced `kept` batches are there.
  void CrashAndOpen(size_t kept = 0) {
    store_ = nullptr;
    disk_.Crash(kept);
    Open();
  }

  Ref<TaskRecord> Record(const std::string& request_id = "") {
    auto spec = MakeRef<TaskSpec>();
    spec->handler = "echo";
    spec->origin.Edit().request_id = request_id;
    auto record = MakeRef<TaskRecord>();
    record->spec = std::move(spec);
    record->uid = uuids_.Next(clock_.Now());
    record->create_time = clock_.Now();
    record->effective_durability = Durability::kDurable;
    return record;
  }
  Ref<TaskRecord> Ended(const TaskRecord& record, absl::Duration ttl = absl::Hours(1)) {
    auto ended = MakeRef<TaskRecord>(record);
    ended->state = TaskState::kSucceeded;
    ended->history.Edit().end_time = clock_.Now();
    ended->history.Edit().expire_time = clock_.Now() + ttl;
    return ended;
  }
  TaskStore::Appending AppendingOf(const TaskRecordPtr& record, TaskStore::StatusCallback done) {
    TaskStore::Appending appending{record, std::move(done)};
    if (!record->spec->origin->request_id.empty()) {
      appending.request_key = RequestKeyOf(*record->spec);
      appending.request_hash = HashOf(*record->spec);
    }
    return appending;
  }
  absl::Status Append(const TaskRecordPtr& record) {
    Answers answers;
    TaskStore::Appending appending = AppendingOf(record, answers.Take());
    appending.on_known = [&](KnownRequest known) {
      known_ = std::move(known);
      answers.Add(absl::AlreadyExistsError("known"));
    };
    store_->Append({&appending, 1});
    return answers.Await().front();
  }
  absl::Status Complete(const TaskRecordPtr& record) {
    Answers answers;
    TaskStore::Completing completing{
        {record->name(), store_->boot_epoch(), 1}, record, answers.Take()};
    store_->CompleteIf({&completing, 1});
    return answers.Await().front();
  }
  absl::StatusOr<TaskRecordPtr> Read(const std::string& name) {
    absl::StatusOr<TaskRecordPtr> result = absl::UnknownError("not called");
    Notification done;
    store_->Read(name, [&](absl::StatusOr<TaskRecordPtr> record) {
      result = std::move(record);
      done.Notify();
    });
    done.Wait();
    return result;
  }
  std::vector<Uuid> Recovered() const {
    std::vector<Uuid> uids;
    for (const Ref<TaskRecord>& record : recovered_) uids.push_back(record->uid);
    return uids;
  }

  FakeClock clock_;
  SeededRandom random_{1};
  UuidSequence uuids_{random_};
  SimDisk disk_;
  SimEngine engine_{disk_};
  DurableStoreOptions options_;
  absl::Status room_;
  absl::Status failure_;
  Notification failed_;
  std::unique_ptr<DurableStore> store_;
  std::vector<Ref<TaskRecord>> recovered_;
  KnownRequest known_;
};

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

TEST_F(DurableStoreTest, BufferedIsSyncedWithinItsInterval) {
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

TEST_F(DurableStoreTest, BufferedIsAcknowledgedBeforeItIsSynced) {
  options_.flush_interval = absl::Minutes(1);
  CrashAndOpen();
  const auto record = Record();
  record->effective_durability = Durability::kBuffered;
  ASSERT_TRUE(Append(record).ok());
  EXPECT_EQ(disk_.unsynced(), 1u);
}

TEST_F(DurableStoreTest, ANoteIsThereForWhoTakesOver) {
  const auto record = Record();
  ASSERT_TRUE(Append(record).ok());
  auto running = MakeRef<TaskRecord>(*record);
  running->state = TaskState::kRunning;
  running->history.Edit().attempts.push_back(
      {.number = 1, .queued_time = clock_.Now(), .executor = "pool/seat-0", .error = {}});
  store_->Note(running);
  store_ = nullptr;                 // Writes what was asked for.
  EXPECT_EQ(disk_.unsynced(), 1u);  // A note asks for no sync.
  disk_.Crash(1);
  Open();
  ASSERT_THAT(recovered_, ::testing::SizeIs(1));
  EXPECT_EQ(recovered_[0]->state, TaskState::kRunning);
  EXPECT_EQ(recovered_[0]->history->attempts.size(), 1u);
}

TEST_F(DurableStoreTest, ANoteThatWasNotSyncedIsMissingAndNothingElse) {
  const auto record = Record();
  ASSERT_TRUE(Append(record).ok());
  auto running = MakeRef<TaskRecord>(*record);
  running->state = TaskState::kRunning;
  store_->Note(running);
  CrashAndOpen(0);
  ASSERT_THAT(recovered_, ::testing::SizeIs(1));
  EXPECT_EQ(recovered_[0]->state, TaskState::kQueued);
}

TEST_F(DurableStoreTest, ANoteAfterTheEndLeavesNothing) {
  const auto record = Record();
  ASSERT_TRUE(Append(record).ok());
  ASSERT_TRUE(Complete(Ended(*record)).ok());
  store_->Note(record);
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

TEST_F(DurableStoreTest, NothingIsAcknowledgedAfterTheDiskFailed) {
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

TEST_F(DurableStoreTest, AFullDiskRefusesAndLosesNothing) {
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

TEST_F(DurableStoreTest, WithoutRoomTasksAreRefusedAndEndsAreNot) {
  const auto record = Record("order-1");
  ASSERT_TRUE(Append(record).ok());
  room_ = ReasonError(absl::StatusCode::kResourceExhausted, "STORE_FULL", "little is left");
  EXPECT_EQ(DetailsOf(Append(Record())).reason, "STORE_FULL");
  EXPECT_TRUE(absl::IsAlreadyExists(Append(Record("order-1"))));  // That one is here already.
  EXPECT_TRUE(Complete(Ended(*record)).ok());
}

TEST_F(DurableStoreTest, StopAnswersAllThatCameBeforeAndAllAfter) {
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

TEST_F(DurableStoreTest, ManyWritersShareASync) {
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  const uint64_t before = disk_.syncs();
  Answers answers;
  std::vector<std::thread> writers;
  for (int t = 0; t < kThreads; ++t) {
    writers.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        TaskStore::Appending appending = AppendingOf(Record(), answers.Take());
        store_->Append({&appending, 1});
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  for (const absl::Status& status : answers.Await()) ASSERT_TRUE(status.ok()) << status;
  EXPECT_LE(disk_.syncs() - before, static_cast<uint64_t>(kThreads * kEach));
  EXPECT_EQ(store_->Stats().live_records, static_cast<uint64_t>(kThreads * kEach));
  CrashAndOpen();
  EXPECT_EQ(recovered_.size(), static_cast<size_t>(kThreads * kEach));
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
  store_ = nullptr;
  disk_.before_write = {};
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
  EXPECT_TRUE(absl::IsDataLoss((*store)->Recover([](Ref<TaskRecord>) {})));
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

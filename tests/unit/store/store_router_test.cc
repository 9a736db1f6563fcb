// What the router adds to the contract of the stores behind it.
#include "store/store_router.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "gtest/gtest.h"
#include "store/durable_store.h"
#include "store/memory_store.h"
#include "support/fake_timer.h"
#include "support/sim_engine.h"
#include "unit/store/awaited.h"

namespace taskforge {
namespace {

class StoreRouterTest : public ::testing::Test {
 protected:
  StoreRouterTest() {
    absl::StatusOr<std::unique_ptr<DurableStore>> store =
        DurableStore::Open({}, {engine_, clock_, {}, {}});
    EXPECT_TRUE(store.ok()) << store.status();
    durable_ = *std::move(store);
    EXPECT_TRUE(durable_->Recover([](Ref<TaskRecord>) {}).ok());
    router_ = std::make_unique<StoreRouter>(memory_, *durable_);
  }

  Ref<TaskRecord> Record(Durability durability, const std::string& request_id) {
    auto spec = MakeRef<TaskSpec>();
    spec->handler = "echo";
    spec->origin.Edit().request_id = request_id;
    auto record = MakeRef<TaskRecord>();
    record->spec = std::move(spec);
    record->uid = uuids_.Next(clock_.Now());
    record->create_time = clock_.Now();
    record->effective_durability = durability;
    return record;
  }
  TaskStore::Appending AppendingOf(const TaskRecordPtr& record, Awaited<absl::Status>& answer) {
    TaskStore::Appending appending{record, answer.Take()};
    appending.request_key = RequestKeyOf(*record->spec);
    appending.request_hash = HashOf(*record->spec);
    appending.on_known = [this, done = answer.Take()](KnownRequest known) {
      known_ = std::move(known);
      done(absl::AlreadyExistsError("known"));
    };
    return appending;
  }
  absl::Status Append(const TaskRecordPtr& record) {
    Awaited<absl::Status> answer;
    TaskStore::Appending appending = AppendingOf(record, answer);
    router_->Append({&appending, 1});
    return answer.Await();
  }

  FakeClock clock_;
  FakeTimer timer_{clock_};
  SeededRandom random_{1};
  UuidSequence uuids_{random_};
  SimDisk disk_;
  SimEngine engine_{disk_};
  MemoryStore memory_{MemoryStoreOptions(), clock_, timer_};
  std::unique_ptr<DurableStore> durable_;
  std::unique_ptr<StoreRouter> router_;
  KnownRequest known_;
};

// Passes everything on to a store, and does something else before each page. Thread-compatible.
class DisturbedStore final : public TaskStore {
 public:
  DisturbedStore(TaskStore& store, std::function<void()> before_page)
      : store_(store), before_page_(std::move(before_page)) {}

  void Append(absl::Span<Appending> batch) override { store_.Append(batch); }
  void CompleteIf(absl::Span<Completing> batch) override { store_.CompleteIf(batch); }
  void Note(const TaskRecordPtr& record, StatusCallback written) override {
    store_.Note(record, std::move(written));
  }
  void FindRequest(const std::string& request_key, RequestCallback done) override {
    store_.FindRequest(request_key, std::move(done));
  }
  void Read(const std::string& name, RecordCallback done) override {
    store_.Read(name, std::move(done));
  }
  void List(const TaskFilter& filter, int page_size, const std::string& page_token,
            PageCallback done) override {
    before_page_();
    store_.List(filter, page_size, page_token, std::move(done));
  }
  void Delete(const std::string& name, StatusCallback done) override {
    store_.Delete(name, std::move(done));
  }
  Durability effective_durability() const override { return store_.effective_durability(); }

 private:
  TaskStore& store_;
  const std::function<void()> before_page_;
};

// A page is made of two, one after the other: what comes and goes between them moves no other.
TEST_F(StoreRouterTest, PagesShowEachOnceThoughTasksComeAndGoWhileTheyAreMade) {
  std::vector<std::string> wanted;
  for (int i = 0; i < 6; ++i) {
    const auto record = Record(i % 2 == 0 ? Durability::kMemory : Durability::kDurable, "");
    Awaited<absl::Status> answer;
    TaskStore::Appending appending{record, answer.Take()};
    router_->Append({&appending, 1});
    ASSERT_TRUE(answer.Await().ok());
    wanted.insert(wanted.begin(), record->name());
  }
  // Between memory's page and the disk's, another task comes to memory.
  DisturbedStore durable(*durable_, [this] {
    TaskStore::Appending late{Record(Durability::kMemory, ""), [](const absl::Status&) {}};
    memory_.Append({&late, 1});
  });
  StoreRouter router(memory_, durable);
  std::vector<std::string> shown;
  std::string token;
  do {
    Awaited<absl::StatusOr<TaskPage>> page;
    router.List({}, 2, token, page.Take());
    const absl::StatusOr<TaskPage> result = page.Await();
    ASSERT_TRUE(result.ok()) << result.status();
    for (const TaskRecord& record : result->records) shown.push_back(record.name());
    token = result->next_page_token;
    ASSERT_LE(shown.size(), 12u);
  } while (!token.empty());
  EXPECT_EQ(shown, wanted);
}

// As when store.durability was changed between the two: it must not become a second task.
TEST_F(StoreRouterTest, ARequestOfATaskOnDiskIsKnownToOneForMemory) {
  const auto first = Record(Durability::kDurable, "order-1");
  ASSERT_TRUE(Append(first).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Append(Record(Durability::kMemory, "order-1"))));
  EXPECT_EQ(known_.uid, first->uid);
  EXPECT_EQ(memory_.Stats().live_records, 0u);
  EXPECT_TRUE(Append(Record(Durability::kMemory, "order-2")).ok());
  EXPECT_EQ(memory_.Stats().live_records, 1u);
}

TEST_F(StoreRouterTest, ABatchGoesWhereEachOfItBelongs) {
  std::vector<Awaited<absl::Status>> answers(4);
  std::vector<TaskStore::Appending> batch;
  batch.push_back(AppendingOf(Record(Durability::kMemory, "a"), answers[0]));
  batch.push_back(AppendingOf(Record(Durability::kDurable, "b"), answers[1]));
  batch.push_back({Record(Durability::kMemory, ""), answers[2].Take()});
  batch.push_back({Record(Durability::kBuffered, ""), answers[3].Take()});
  router_->Append(absl::MakeSpan(batch));
  for (Awaited<absl::Status>& answer : answers) EXPECT_TRUE(answer.Await().ok());
  EXPECT_EQ(memory_.Stats().live_records, 2u);
  EXPECT_EQ(durable_->Stats().live_records, 2u);
}

TEST_F(StoreRouterTest, WhatTheDiskCannotSayIsNotGuessed) {
  durable_->Stop();
  EXPECT_EQ(DetailsOf(Append(Record(Durability::kMemory, "order-1"))).reason, "STORE_FAILED");
  EXPECT_EQ(memory_.Stats().live_records, 0u);
}

TEST_F(StoreRouterTest, OnlyNotesOfTasksOnDiskAreKept) {
  const auto kept = Record(Durability::kDurable, "a");
  ASSERT_TRUE(Append(kept).ok());
  for (const TaskRecordPtr& record :
       {TaskRecordPtr(kept), TaskRecordPtr(Record(Durability::kMemory, "b"))}) {
    Awaited<absl::Status> written;
    router_->Note(record, written.Take());
    EXPECT_TRUE(written.Await().ok());
  }
  EXPECT_EQ(disk_.Count(StoreTable::kProgress), 1u);
}

}  // namespace
}  // namespace taskforge

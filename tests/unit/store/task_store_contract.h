// What task_store.h promises, for every implementation: a test of each includes this once.
#ifndef TASKFORGE_UNIT_STORE_TASK_STORE_CONTRACT_H_
#define TASKFORGE_UNIT_STORE_TASK_STORE_CONTRACT_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/mutex.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/task_store.h"
#include "support/fake_timer.h"
#include "task/uuid.h"
#include "unit/store/awaited.h"

namespace taskforge {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A store, with what it stands on.
struct StoreUnderTest {
  std::vector<std::shared_ptr<void>> parts;  // Go after the store, the last first.
  std::shared_ptr<TaskStore> store;
  uint64_t epoch = 0;
  // Of a record with this id.
  std::function<Durability(const std::string& id)> durability_of;

  StoreUnderTest() = default;
  StoreUnderTest(StoreUnderTest&&) = default;
  ~StoreUnderTest() {
    store = nullptr;
    while (!parts.empty()) parts.pop_back();
  }
};

struct Implementation {
  const char* name;
  std::function<StoreUnderTest(const Clock&, Timer&)> make;
};
// So that a test has the same name each time.
inline void PrintTo(const Implementation& implementation, std::ostream* out) {
  *out << implementation.name;
}

class TaskStoreContract : public ::testing::TestWithParam<Implementation> {
 protected:
  TaskStoreContract() : under_(GetParam().make(clock_, timer_)), store_(under_.store.get()) {}

  Ref<TaskRecord> Record(const std::string& id, const std::string& handler = "echo",
                         const std::string& queue = "default") {
    auto spec = MakeRef<TaskSpec>();
    spec->queue = queue;
    spec->handler = handler;
    spec->origin.Edit().principal = "ann";
    spec->origin.Edit().task_id = id;
    spec->input = {"text/plain", "the input", true};
    auto record = MakeRef<TaskRecord>();
    record->spec = std::move(spec);
    record->uid = uuids_.Next(clock_.Now());
    record->effective_durability = under_.durability_of(id);
    record->create_time = clock_.Now();
    return record;
  }
  Ref<TaskRecord> Ended(Ref<TaskRecord> record, TaskState state,
                        absl::Duration ttl = absl::Hours(1)) {
    record = MakeRef<TaskRecord>(*record);
    record->state = state;
    // The task that has the name now, if there is one.
    const auto known = appended_.find(KeyOf(*record));
    if (known != appended_.end()) record->uid = known->second;
    record->history.Edit().end_time = clock_.Now();
    record->history.Edit().expire_time = clock_.Now() + ttl;
    record->history.Edit().output = Payload{"text/plain", "the output", true};
    return record;
  }

  absl::Status Append(TaskRecordPtr record) {
    Awaited<absl::Status> result;
    TaskStore::Appending appending{record, result.Take()};
    store_->Append(absl::MakeSpan(&appending, 1));
    absl::Status status = result.Await();
    if (status.ok()) appended_[KeyOf(*record)] = record->uid;
    return status;
  }
  absl::Status Complete(TaskRecordPtr record) { return Complete(std::move(record), under_.epoch); }
  absl::Status Complete(TaskRecordPtr record, uint64_t epoch) {
    Awaited<absl::Status> result;
    TaskStore::Completing completing{{record->name(), epoch, 1}, record, result.Take()};
    store_->CompleteIf(absl::MakeSpan(&completing, 1));
    return result.Await();
  }
  absl::StatusOr<TaskRecordPtr> Read(const std::string& name) {
    Awaited<absl::StatusOr<TaskRecordPtr>> result;
    store_->Read(name, result.Take());
    return result.Await();
  }
  absl::Status Delete(const std::string& name) {
    Awaited<absl::Status> result;
    store_->Delete(name, result.Take());
    return result.Await();
  }
  absl::StatusOr<TaskPage> List(const TaskFilter& filter, int page_size = 1000,
                                const std::string& token = "") {
    Awaited<absl::StatusOr<TaskPage>> result;
    store_->List(filter, page_size, token, result.Take());
    return result.Await();
  }
  std::vector<std::string> Names(const TaskFilter& filter = {}) {
    std::vector<std::string> names;
    const absl::StatusOr<TaskPage> page = List(filter);
    for (const TaskRecord& record : page->records) names.push_back(record.name());
    return names;
  }

  static std::string KeyOf(const TaskRecord& record) {
    return absl::StrCat(record.spec->origin->ns, " ", record.name());
  }

  FakeClock clock_;
  FakeTimer timer_{clock_};
  SeededRandom random_{1};
  UuidSequence uuids_{random_};
  std::map<std::string, Uuid> appended_;
  StoreUnderTest under_;
  TaskStore* const store_;
};

TEST_P(TaskStoreContract, ReadsWhatWasAppended) {
  const auto record = Record("a");
  ASSERT_TRUE(Append(record).ok());
  const auto read = Read(record->name());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ((*read)->name(), record->name());
  EXPECT_EQ((*read)->spec->origin->principal, "ann");
  EXPECT_EQ((*read)->spec->input, record->spec->input);
  EXPECT_EQ((*read)->state, TaskState::kQueued);
}

TEST_P(TaskStoreContract, WhatNeverWasIsNotFound) {
  EXPECT_EQ(Read("queues/default/tasks/none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Delete("queues/default/tasks/none").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Complete(Ended(Record("none"), TaskState::kFailed)).code(),
            absl::StatusCode::kNotFound);
}

TEST_P(TaskStoreContract, ANameIsTakenUntilItsRecordGoes) {
  const auto record = Record("a");
  ASSERT_TRUE(Append(record).ok());
  EXPECT_EQ(DetailsOf(Append(Record("a"))).reason, "TASK_EXISTS");
  EXPECT_TRUE(Append(Record("a", "echo", "mail")).ok());
  ASSERT_TRUE(Complete(Ended(record, TaskState::kSucceeded)).ok());
  EXPECT_EQ(Append(Record("a")).code(), absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(Delete(record->name()).ok());
  EXPECT_TRUE(Append(Record("a")).ok());
}

TEST_P(TaskStoreContract, ANameIsOfItsNamespace) {
  EXPECT_TRUE(Append(Record("a")).ok());
  const Ref<TaskRecord> elsewhere = Record("a", "sleep");
  auto spec = MakeRef<TaskSpec>(*elsewhere->spec);
  spec->origin.Edit().ns = "other";
  elsewhere->spec = std::move(spec);
  EXPECT_TRUE(Append(elsewhere).ok());
  EXPECT_TRUE(Complete(Ended(elsewhere, TaskState::kFailed)).ok());
  const auto read = Read(elsewhere->name());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ((*read)->spec->handler, "echo");
  EXPECT_EQ((*read)->state, TaskState::kQueued);
}

TEST_P(TaskStoreContract, OneEndIsRecordedAndItStays) {
  const auto record = Record("a");
  ASSERT_TRUE(Append(record).ok());
  EXPECT_TRUE(Complete(Ended(record, TaskState::kSucceeded)).ok());
  EXPECT_EQ(DetailsOf(Complete(Ended(record, TaskState::kFailed))).reason, "TASK_ENDED");
  EXPECT_EQ((*Read(record->name()))->state, TaskState::kSucceeded);
  EXPECT_EQ((*Read(record->name()))->history->output->data, "the output");
}

TEST_P(TaskStoreContract, OneOfManyCompletionsWins) {
  for (int threads : {1, 2, 8}) {
    const auto record = Record(absl::StrCat("t", threads));
    ASSERT_TRUE(Append(record).ok());
    std::atomic<int> won{0};
    std::vector<std::thread> racers;
    for (int t = 0; t < threads; ++t) {
      racers.emplace_back([&] {
        if (Complete(Ended(record, TaskState::kSucceeded)).ok()) won.fetch_add(1);
      });
    }
    for (std::thread& racer : racers) racer.join();
    EXPECT_EQ(won.load(), 1);
  }
}

TEST_P(TaskStoreContract, AnotherLifesFenceIsRefused) {
  const auto record = Record("a");
  ASSERT_TRUE(Append(record).ok());
  EXPECT_EQ(DetailsOf(Complete(Ended(record, TaskState::kSucceeded), under_.epoch - 1)).reason,
            "FENCED");
  EXPECT_EQ((*Read(record->name()))->state, TaskState::kQueued);
}

TEST_P(TaskStoreContract, OnlyFinishedTasksAreDeleted) {
  const auto record = Record("a");
  ASSERT_TRUE(Append(record).ok());
  EXPECT_EQ(DetailsOf(Delete(record->name())).reason, "TASK_NOT_ENDED");
  ASSERT_TRUE(Complete(Ended(record, TaskState::kFailed)).ok());
  EXPECT_TRUE(Delete(record->name()).ok());
  EXPECT_EQ(Read(record->name()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_P(TaskStoreContract, ARecordGoesAtItsTime) {
  const auto record = Record("a");
  ASSERT_TRUE(Append(record).ok());
  ASSERT_TRUE(Complete(Ended(record, TaskState::kSucceeded, absl::Seconds(10))).ok());
  clock_.Advance(absl::Milliseconds(9999));
  EXPECT_TRUE(Read(record->name()).ok());
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(Read(record->name()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_P(TaskStoreContract, ALivingTaskDoesNotExpire) {
  const auto record = Record("a");
  ASSERT_TRUE(Append(record).ok());
  clock_.Advance(absl::Hours(1000));
  EXPECT_TRUE(Read(record->name()).ok());
}

TEST_P(TaskStoreContract, ABatchIsAnsweredOneByOne) {
  std::vector<absl::Status> results(3, absl::UnknownError("not called"));
  std::atomic<int> answers{0};
  Notification all;
  std::vector<TaskStore::Appending> batch;
  for (int i = 0; i < 3; ++i) {
    batch.push_back({Record(i == 1 ? "0" : absl::StrCat(i)), [&, i](absl::Status status) {
                       results[i] = std::move(status);
                       if (answers.fetch_add(1) == 2) all.Notify();
                     }});
  }
  store_->Append(absl::MakeSpan(batch));
  all.Wait();
  EXPECT_TRUE(results[0].ok());
  EXPECT_EQ(results[1].code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(results[2].ok());
}

TEST_P(TaskStoreContract, ListsNewestFirstWithoutInputsAndOutputs) {
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(Append(Record(id)).ok());
  ASSERT_TRUE(Complete(Ended(Record("b"), TaskState::kSucceeded)).ok());
  EXPECT_THAT(Names(), ElementsAre("queues/default/tasks/c", "queues/default/tasks/b",
                                   "queues/default/tasks/a"));
  const absl::StatusOr<TaskPage> page = List({});
  for (const TaskRecord& record : page->records) {
    EXPECT_EQ(record.spec->input.data, "");
    EXPECT_EQ(record.spec->input.content_type, "text/plain");
    EXPECT_EQ(record.spec->handler, "echo");
    EXPECT_FALSE(record.history->output.has_value());
  }
  // What is listed is a copy: the record itself still has both.
  EXPECT_EQ((*Read("queues/default/tasks/b"))->history->output->data, "the output");
  EXPECT_EQ((*Read("queues/default/tasks/a"))->spec->input.data, "the input");
}

TEST_P(TaskStoreContract, FiltersExactly) {
  ASSERT_TRUE(Append(Record("live")).ok());
  ASSERT_TRUE(Append(Record("mail", "echo", "mail")).ok());
  ASSERT_TRUE(Append(Record("sleep", "sleep")).ok());
  ASSERT_TRUE(Complete(Ended(Record("sleep", "sleep"), TaskState::kFailed)).ok());
  TaskFilter by_queue;
  by_queue.queue = "mail";
  EXPECT_THAT(Names(by_queue), ElementsAre("queues/mail/tasks/mail"));
  TaskFilter by_handler;
  by_handler.handler = "sleep";
  EXPECT_THAT(Names(by_handler), ElementsAre("queues/default/tasks/sleep"));
  TaskFilter by_state;
  by_state.state = TaskState::kFailed;
  EXPECT_THAT(Names(by_state), ElementsAre("queues/default/tasks/sleep"));
  by_state.state = TaskState::kSucceeded;
  EXPECT_THAT(Names(by_state), IsEmpty());
  by_state.state = TaskState::kRunning;  // Not terminal: all that live.
  EXPECT_THAT(Names(by_state), SizeIs(2));
  TaskFilter both = by_queue;
  both.handler = "sleep";
  EXPECT_THAT(Names(both), IsEmpty());
}

TEST_P(TaskStoreContract, PagesShowEachRecordOnceWhateverComesAndGoes) {
  constexpr int kRecords = 57;
  for (int i = 0; i < kRecords; ++i) ASSERT_TRUE(Append(Record(absl::StrCat("r", i))).ok());
  std::set<std::string> seen;
  std::string token;
  int pages = 0;
  do {
    const auto page = List({}, 10, token);
    ASSERT_TRUE(page.ok());
    EXPECT_LE(page->records.size(), 10u);
    for (const TaskRecord& record : page->records) {
      EXPECT_TRUE(seen.insert(record.name()).second) << record.name();
    }
    token = page->next_page_token;
    ++pages;
    ASSERT_TRUE(Append(Record(absl::StrCat("later", pages))).ok());
    // The oldest go meanwhile: they are still to come.
    const auto gone = Record(absl::StrCat("r", pages - 1));
    ASSERT_TRUE(Complete(Ended(gone, TaskState::kFailed)).ok());
    ASSERT_TRUE(Delete(gone->name()).ok());
  } while (!token.empty());
  for (const std::string& name : seen) EXPECT_EQ(name.find("later"), std::string::npos) << name;
  EXPECT_GE(seen.size(), kRecords - static_cast<size_t>(pages));
}

TEST_P(TaskStoreContract, AFullLastPageHasNoToken) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Append(Record(absl::StrCat(i))).ok());
  const auto first = List({}, 10);
  ASSERT_FALSE(first->next_page_token.empty());
  EXPECT_TRUE(List({}, 10, first->next_page_token)->next_page_token.empty());
  EXPECT_TRUE(List({}, 20)->next_page_token.empty());
}

TEST_P(TaskStoreContract, AForeignTokenIsRefused) {
  for (const char* token :
       {"x", "1-2", "1-999-5", "2-7-5", "1-7-", "1-7-5-5", "1-7-99999999999999999999"}) {
    EXPECT_EQ(List({}, 10, token).status().code(), absl::StatusCode::kInvalidArgument) << token;
  }
}

}  // namespace taskforge

#endif  // TASKFORGE_UNIT_STORE_TASK_STORE_CONTRACT_H_

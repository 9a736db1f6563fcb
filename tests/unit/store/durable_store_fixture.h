// What the tests of the durable store share: one over a simulated disk that can lose its power,
// fill up and fail.
#ifndef TASKFORGE_UNIT_STORE_DURABLE_STORE_FIXTURE_H_
#define TASKFORGE_UNIT_STORE_DURABLE_STORE_FIXTURE_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/error.h"
#include "gtest/gtest.h"
#include "store/durable_store.h"
#include "support/fake_clock.h"
#include "support/sim_engine.h"

namespace taskforge {

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

class DurableStoreFixture : public ::testing::Test {
 protected:
  DurableStoreFixture() { Open(); }
  ~DurableStoreFixture() override {
    disk_.before_write = {};  // It may look at what the test's body had; a stop writes.
    store_ = nullptr;
  }

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
  // Power goes, and the process with it: what the store does at its end is lost.
  void CrashNow(size_t kept) {
    disk_.Crash(kept);
    disk_.FailFrom(1, ReasonError(absl::StatusCode::kUnavailable, "STORE_FAILED", "no power"));
    store_ = nullptr;
    disk_.FailFrom(0, absl::OkStatus());
    Open();
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
  absl::Status Note(const TaskRecordPtr& record) {
    Answers answers;
    store_->Note(record, answers.Take());
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

}  // namespace taskforge

#endif  // TASKFORGE_UNIT_STORE_DURABLE_STORE_FIXTURE_H_

// An intake with real queues and tables around it, and a store that answers when the test says.
#ifndef TASKFORGE_UNIT_INTAKE_INTAKE_FIXTURE_H_
#define TASKFORGE_UNIT_INTAKE_INTAKE_FIXTURE_H_

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "intake/intake.h"
#include "store/memory_store.h"
#include "support/fake_handlers.h"
#include "support/fake_release_target.h"
#include "support/fake_timer.h"

namespace taskforge {

// Passes everything on to a MemoryStore, but can hold its appends or fail them. Thread-safe.
class SlowStore final : public TaskStore {
 public:
  explicit SlowStore(TaskStore& store) : store_(store) {}

  void Append(absl::Span<Appending> batch) override {
    ++batches;
    for (Appending& each : batch) {
      if (known.has_value() && each.on_known) {
        std::move(each.on_known)(*known);
      } else if (!failure.ok()) {
        std::move(each.done)(failure);
      } else if (is_slow && is_kept_at_once) {
        last_kept = each.record;
        TaskStore::Appending kept{each.record,
                                  [this, done = std::move(each.done)](absl::Status status) mutable {
                                    held_answers_.emplace_back(std::move(done), std::move(status));
                                  }};
        store_.Append({&kept, 1});
      } else if (is_slow) {
        held_.push_back(std::move(each));
      } else {
        store_.Append({&each, 1});
      }
    }
  }
  void CompleteIf(absl::Span<Completing> batch) override { store_.CompleteIf(batch); }
  void Note(const TaskRecordPtr& record, StatusCallback written) override {
    store_.Note(record, std::move(written));
  }
  void FindRequest(const std::string&, RequestCallback done) override {
    ++lookups;
    std::move(done)(known);
  }
  void Read(const std::string& name, RecordCallback done) override {
    store_.Read(name, std::move(done));
  }
  void List(const TaskFilter& filter, int page_size, const std::string& page_token,
            PageCallback done) override {
    store_.List(filter, page_size, page_token, std::move(done));
  }
  void Delete(const std::string& name, StatusCallback done) override {
    store_.Delete(name, std::move(done));
  }
  Durability effective_durability() const override { return store_.effective_durability(); }

  // Gives the answers that were held, and does the appends that were; they fail if `failure` is set
  // by now.
  void Catch() {
    is_slow = false;
    for (auto& [done, status] : std::exchange(held_answers_, {})) {
      std::move(done)(std::move(status));
    }
    std::vector<Appending> held = std::exchange(held_, {});
    Append(absl::MakeSpan(held));
  }

  bool is_slow = false;
  bool is_kept_at_once = false;  // What is slow are the answers, not the writes.
  TaskRecordPtr last_kept;       // Of these.
  absl::Status failure;
  std::optional<KnownRequest> known;  // What every request_id stands for.
  std::atomic<int> batches{0};
  std::atomic<int> lookups{0};

 private:
  TaskStore& store_;
  std::vector<Appending> held_;
  std::vector<std::pair<StatusCallback, absl::Status>> held_answers_;
};

// A pool as busy as the test says. To be changed only while nobody asks.
class FakeLoad final : public PoolLoad {
 public:
  bool IsOverloaded() const override { return is_overloaded; }
  absl::Duration OldestWait(Priority priority) const override {
    absl::Duration oldest;
    for (size_t i = Index(priority); i < kPriorityCount; ++i) {
      oldest = std::max(oldest, waits[kPriorities[i]]);
    }
    return oldest;
  }

  bool is_overloaded = false;
  PerPriority<absl::Duration> waits;
};

class IntakeFixture : public ::testing::Test, public TaskRunner, public TaskEnder {
 protected:
  // What became of one submission.
  struct Answer {
    int receipts = 0;
    absl::StatusOr<SubmitReceipt> receipt = absl::UnknownError("no answer yet");
    int ends = 0;
    TaskRecordPtr end;
    bool is_in_order = true;

    absl::Status status() const { return receipt.status(); }
    std::string reason() const { return DetailsOf(receipt.status()).reason; }
    std::string name() const { return receipt->record->name(); }
  };

  IntakeFixture() {
    QueueOptions mail;
    mail.name = "mail";
    mail.max_tasks = 2;
    mail.default_priority = Priority::kHigh;
    TaskQueuesOptions options;
    options.queues = {mail};
    queues_ = std::make_unique<TaskQueues>(options, clock_, handlers_, target_);
    waits_ = std::make_unique<WaitStarter>(clock_, timer_, *queues_, *this);
    intake_ = std::make_unique<Intake>(
        IntakeOptions(),
        Intake::Parts{clock_, uuids_, handlers_, load_, *queues_, store_, live_, *this, *waits_});
  }

  static TaskSpec Echo() {
    TaskSpec spec;
    spec.handler = "echo";
    return spec;
  }
  static TaskSpec WithRequestId(const std::string& id, const std::string& input = "") {
    TaskSpec spec = Echo();
    spec.origin.Edit().request_id = id;
    spec.input.data = input;
    return spec;
  }
  Submission SubmissionOf(TaskSpec spec, std::shared_ptr<Answer> answer) {
    Submission submission;
    submission.spec = std::move(spec);
    submission.on_receipt = [answer](absl::StatusOr<SubmitReceipt> receipt) {
      ++answer->receipts;
      answer->receipt = std::move(receipt);
    };
    submission.on_finished = [answer](const TaskRecordPtr& record) {
      if (answer->receipts != 1) answer->is_in_order = false;
      ++answer->ends;
      answer->end = record;
    };
    return submission;
  }
  std::shared_ptr<Answer> Submit(TaskSpec spec) {
    auto answer = std::make_shared<Answer>();
    intake_->Submit(SubmissionOf(std::move(spec), answer));
    return answer;
  }

  // Ends a living task, as lifecycle does.
  void Finish(const TaskRef& task, absl::Duration ttl = absl::Hours(1)) {
    const TaskRecordPtr record = task->Seal([&](TaskRecord& last) {
      last.state = TaskState::kSucceeded;
      last.history.Edit().expire_time = clock_.Now() + ttl;
    });
    TaskStore::Completing completing{{task->name(), 1, 1}, record, [](absl::Status) {}};
    store_.CompleteIf(absl::MakeSpan(&completing, 1));
    live_.Erase(*task);
    task->Finish(record);
  }
  void Finish(const Answer& answer, absl::Duration ttl = absl::Hours(1)) {
    Finish(live_.Find(answer.name()), ttl);
  }
  uint64_t Counted(Decision decision, const std::string& queue = "default",
                   Priority priority = Priority::kNormal) {
    for (const IntakeStats::Submitted& each : intake_->Stats().submitted) {
      if (each.queue == queue && each.priority == priority && each.decision == decision) {
        return each.count;
      }
    }
    return UINT64_MAX;
  }
  size_t Admitted(size_t queue = 0) { return queues_->Stats().queues[queue].tasks; }

  bool Run(TaskRef, const Dispatch&) override { return false; }
  void EndUnstarted(TaskRef task, TaskState state, absl::string_view reason) override {
    ended_.emplace_back(task->name(), state, std::string(reason));
  }

  FakeClock clock_;
  FakeTimer timer_{clock_};
  SeededRandom random_{1};
  UuidSequence uuids_{random_};
  FakeHandlers handlers_;
  FakeLoad load_;
  FakeReleaseTarget target_{1000};
  MemoryStore memory_{MemoryStoreOptions(), clock_, timer_};
  SlowStore store_{memory_};
  std::vector<std::tuple<std::string, TaskState, std::string>> ended_;
  std::unique_ptr<TaskQueues> queues_;
  LiveTasks live_;
  std::unique_ptr<WaitStarter> waits_;
  std::unique_ptr<Intake> intake_;
};

}  // namespace taskforge

#endif  // TASKFORGE_UNIT_INTAKE_INTAKE_FIXTURE_H_

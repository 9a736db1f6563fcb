// Stands in for everything behind TaskService: accepts tasks and ends them when the test says.
#ifndef TASKFORGE_SUPPORT_FAKE_TASKS_H_
#define TASKFORGE_SUPPORT_FAKE_TASKS_H_

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/mutex.h"
#include "task/task_api.h"
#include "task/validation.h"

namespace taskforge {

// In mode kAtOnce a task ends (output = input) before Submit returns; in mode kHold it waits until
// Finish. Thread-safe.
class FakeTasks final : public Submitter, public TaskControl, public TaskRunner {
 public:
  enum class Mode { kAtOnce, kHold };

  explicit FakeTasks(Mode mode) : mode_(mode) {}
  // Ends what is left, so that no callback is lost.
  ~FakeTasks() override { FinishAll(); }

  // The next submissions are refused with this; OK: accepted again.
  void Refuse(absl::Status status) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    refusal_ = std::move(status);
  }

  // From now on no cancel is answered.
  void HoldCancels() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    holds_cancels_ = true;
  }
  size_t held_cancels() const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    return held_cancels_.size();
  }
  // From now on receipts wait until ReleaseReceipts().
  void HoldReceipts() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    hold_receipts_ = true;
  }
  void ReleaseReceipts() ABSL_LOCKS_EXCLUDED(mu_) {
    std::vector<Submission> held;
    {
      MutexLock lock(mu_);
      hold_receipts_ = false;
      held.swap(held_);
    }
    for (Submission& submission : held) Submit(std::move(submission));
  }
  // Submissions whose receipts wait.
  size_t held() const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    return held_.size();
  }

  bool last_had_retry_policy() const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    return last_had_retry_policy_;
  }
  // Called before each submission is looked at. To be set while nobody submits.
  std::function<void()> on_submit;
  void Submit(Submission submission) override ABSL_LOCKS_EXCLUDED(mu_) {
    if (on_submit) on_submit();
    {
      MutexLock lock(mu_);
      last_had_retry_policy_ = submission.has_retry_policy;
      if (hold_receipts_) {
        held_.push_back(std::move(submission));
        return;
      }
    }
    TaskRef task;
    absl::Status refusal;
    {
      MutexLock lock(mu_);
      refusal = refusal_;
      if (!submission.violations.empty()) {
        refusal = InvalidArgument(std::move(submission.violations));
      } else if (refusal.ok()) {
        refusal = CheckDurability(submission.spec, TaskLimits());
      }
      ++submitted_;
      last_spec_ = submission.spec;
      if (refusal.ok()) {
        task = MakeTask(std::move(submission.spec));
        live_[task->name()] = task;
      }
    }
    if (!refusal.ok()) {
      std::move(submission.on_receipt)(refusal);
      return;
    }
    if (submission.on_finished) task->OnFinished(std::move(submission.on_finished));
    std::move(submission.on_receipt)(SubmitReceipt{task->Snapshot(), false});
    if (mode_ == Mode::kAtOnce) Finish(task->name());
  }
  void SubmitBatch(std::vector<Submission> submissions) override {
    for (Submission& submission : submissions) Submit(std::move(submission));
  }

  // Ends a live task; does nothing when there is none of that name.
  void Finish(const std::string& name, TaskState state = TaskState::kSucceeded)
      ABSL_LOCKS_EXCLUDED(mu_) {
    TaskRef task = FindLive(name);
    if (!task || !task->TryAdvance(TaskPhase::kQueued, TaskPhase::kEnded)) return;
    TaskRecordPtr record = task->Seal([state](TaskRecord& r) {
      r.state = state;
      r.history.Edit().end_time = absl::UnixEpoch() + absl::Hours(1);
      if (state == TaskState::kSucceeded) r.history.Edit().output = r.spec->input;
      r.history.Edit().queue_wait_ns = 80'000;
      r.history.Edit().run_ns = 40'000;
    });
    {
      MutexLock lock(mu_);
      live_.erase(name);
      ended_[name] = record;
    }
    task->Finish(record);
  }
  void FinishAll() ABSL_LOCKS_EXCLUDED(mu_) {
    for (const std::string& name : LiveNames()) Finish(name);
  }
  // Shows progress in a live task, as a handler would.
  void ReportProgress(const std::string& name, double fraction) {
    if (TaskRef task = FindLive(name)) {
      task->Update([fraction](TaskRecord& r) {
        r.history.Edit().progress = Progress{fraction, ""};
      });
    }
  }

  void Get(const std::string& name, RecordCallback done) override {
    if (TaskRef task = FindLive(name)) {
      std::move(done)(task->Snapshot());
      return;
    }
    TaskRecordPtr record;
    {
      MutexLock lock(mu_);
      const auto found = ended_.find(name);
      if (found != ended_.end()) record = found->second;
    }
    if (record == nullptr) {
      std::move(done)(absl::NotFoundError(absl::StrCat("no task ", name)));
    } else {
      std::move(done)(std::move(record));
    }
  }
  void List(const TaskFilter& filter, int page_size, const std::string& page_token,
            PageCallback done) override {
    TaskPage page;
    {
      MutexLock lock(mu_);
      last_filter_ = filter;
      last_page_token_ = page_token;
      for (const auto& [name, record] : ended_) {
        if (filter.state.has_value() && *filter.state != record->state) continue;
        if (static_cast<int>(page.records.size()) == page_size) {
          page.next_page_token = "more";
          break;
        }
        page.records.push_back(*record);
      }
    }
    std::move(done)(std::move(page));
  }
  TaskRef FindLive(const std::string& name) override ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    const auto found = live_.find(name);
    return found == live_.end() ? TaskRef() : found->second;
  }
  void Cancel(const std::string& name, RecordCallback done) override {
    {
      MutexLock lock(mu_);
      cancelled_.push_back(name);
      if (holds_cancels_) {
        held_cancels_.push_back(std::move(done));
        return;
      }
    }
    if (!FindLive(name)) {
      std::move(done)(ReasonError(absl::StatusCode::kFailedPrecondition, "TASK_ENDED", "ended"));
      return;
    }
    Finish(name, TaskState::kCancelled);
    Get(name, std::move(done));
  }
  void Delete(const std::string& name, StatusCallback done) override {
    absl::Status status;
    {
      MutexLock lock(mu_);
      if (live_.count(name) != 0) {
        status = ReasonError(absl::StatusCode::kFailedPrecondition, "TASK_NOT_ENDED", "lives");
      } else if (ended_.erase(name) == 0) {
        status = absl::NotFoundError(name);
      }
    }
    std::move(done)(status);
  }
  bool Run(TaskRef, const Dispatch&) override { return false; }

  std::vector<std::string> LiveNames() const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    std::vector<std::string> names;
    for (const auto& [name, task] : live_) names.push_back(name);
    return names;
  }
  size_t submitted() const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    return submitted_;
  }
  TaskSpec last_spec() const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    return last_spec_;
  }
  TaskFilter last_filter() const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    return last_filter_;
  }
  std::vector<std::string> cancelled() const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    return cancelled_;
  }

 private:
  TaskRef MakeTask(TaskSpec spec) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Ref<TaskRecord> record = MakeRef<TaskRecord>();
    if (spec.origin->task_id.empty()) spec.origin.Edit().task_id = absl::StrCat("t", ++last_id_);
    record->uid.low = ++last_uid_;
    record->create_time = absl::UnixEpoch();
    record->spec = MakeRef<TaskSpec>(std::move(spec));
    TaskRef task = MakeRef<Task>(std::move(record), Admission(), *this);
    task->TryAdvance(TaskPhase::kAccepting, TaskPhase::kQueued);
    return task;
  }

  const Mode mode_;
  mutable Mutex mu_;
  absl::Status refusal_ ABSL_GUARDED_BY(mu_);
  bool hold_receipts_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<Submission> held_ ABSL_GUARDED_BY(mu_);
  bool last_had_retry_policy_ ABSL_GUARDED_BY(mu_) = false;
  bool holds_cancels_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<RecordCallback> held_cancels_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, TaskRef> live_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, TaskRecordPtr> ended_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> cancelled_ ABSL_GUARDED_BY(mu_);
  TaskSpec last_spec_ ABSL_GUARDED_BY(mu_);
  TaskFilter last_filter_ ABSL_GUARDED_BY(mu_);
  std::string last_page_token_ ABSL_GUARDED_BY(mu_);
  size_t submitted_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t last_id_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t last_uid_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_FAKE_TASKS_H_

// Tasks for tests, and what stands around them: a queue, a store, who is told.
#ifndef TASKFORGE_SUPPORT_FAKE_TASK_PARTS_H_
#define TASKFORGE_SUPPORT_FAKE_TASK_PARTS_H_

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/mutex.h"
#include "store/task_store.h"
#include "task/attempt_sink.h"
#include "task/task.h"
#include "task/task_ender.h"

namespace taskforge {

// Runs nothing. Thread-safe.
class NoRunner final : public TaskRunner {
 public:
  bool Run(TaskRef, const Dispatch&) override { return false; }
};

inline TaskSpec SpecOf(const std::string& handler) {
  TaskSpec spec;
  spec.handler = handler;
  return spec;
}

// A task that waits for its turn.
inline TaskRef QueuedTask(TaskSpec spec, TaskRunner& runner, const Clock& clock,
                          const std::string& id = "t", Admission admission = {}) {
  spec.origin.Edit().task_id = id;
  Ref<TaskRecord> record = MakeRef<TaskRecord>();
  record->spec = MakeRef<TaskSpec>(std::move(spec));
  record->create_time = clock.Now();
  if (record->spec->requested_durability != Durability::kUnspecified) {
    record->effective_durability = record->spec->requested_durability;
  }
  TaskRef task = MakeRef<Task>(std::move(record), std::move(admission), runner);
  task->enqueued = clock.Monotonic();
  task->TryAdvance(TaskPhase::kAccepting, TaskPhase::kQueued);
  return task;
}

// Holds what it is given, in order. Thread-safe.
class FakeQueue final : public TaskSink {
 public:
  void Enqueue(TaskRef task, Position position) override {
    MutexLock lock(mu_);
    ++enqueued_;
    if (position == Position::kFront) {
      tasks_.push_front(std::move(task));
    } else {
      tasks_.push_back(std::move(task));
    }
  }
  bool Remove(Task& task) override {
    MutexLock lock(mu_);
    return std::erase_if(tasks_, [&](const TaskRef& each) { return each.get() == &task; }) > 0;
  }
  WaitReason WhyWaits(const Task& task) const override {
    MutexLock lock(mu_);
    if (is_paused_) return WaitReason::kPaused;
    const bool has_more_urgent =
        std::any_of(tasks_.begin(), tasks_.end(),
                    [&](const TaskRef& each) { return each->priority > task.priority; });
    return has_more_urgent ? WaitReason::kPriority : WaitReason::kQueue;
  }
  void SetPaused(bool is_paused) {
    MutexLock lock(mu_);
    is_paused_ = is_paused;
  }
  // Null when empty.
  TaskRef Take() {
    MutexLock lock(mu_);
    if (tasks_.empty()) return nullptr;
    TaskRef task = std::move(tasks_.front());
    tasks_.pop_front();
    return task;
  }
  size_t size() const {
    MutexLock lock(mu_);
    return tasks_.size();
  }
  size_t enqueued() const {
    MutexLock lock(mu_);
    return enqueued_;
  }

 private:
  mutable Mutex mu_;
  std::deque<TaskRef> tasks_ ABSL_GUARDED_BY(mu_);
  bool is_paused_ ABSL_GUARDED_BY(mu_) = false;
  size_t enqueued_ ABSL_GUARDED_BY(mu_) = 0;
};

// Keeps how attempts ended, and moves the task's phase to ENDED. Thread-safe.
class RecordingAttemptSink final : public AttemptSink {
 public:
  void AttemptStarted(Task&) override {
    MutexLock lock(mu_);
    ++started_;
  }
  void AttemptEnded(TaskRef task, AttemptEnd end) override {
    task->TryAdvance(TaskPhase::kRunning, TaskPhase::kEnded);
    task->EndAttempt([](TaskRecord&) {});
    MutexLock lock(mu_);
    ends_.push_back(std::move(end));
  }
  std::vector<AttemptEnd> ends() const {
    MutexLock lock(mu_);
    return ends_;
  }
  int started() const {
    MutexLock lock(mu_);
    return started_;
  }

 private:
  mutable Mutex mu_;
  int started_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<AttemptEnd> ends_ ABSL_GUARDED_BY(mu_);
};

// Keeps why tasks did not start. Thread-safe.
class RecordingEnder final : public TaskEnder {
 public:
  void EndUnstarted(TaskRef task, TaskState state, absl::string_view reason) override {
    task->TryAdvance(TaskPhase::kCancelling, TaskPhase::kEnded);
    MutexLock lock(mu_);
    ends_.emplace_back(state, std::string(reason));
  }
  std::vector<std::pair<TaskState, std::string>> ends() const {
    MutexLock lock(mu_);
    return ends_;
  }

 private:
  mutable Mutex mu_;
  std::vector<std::pair<TaskState, std::string>> ends_ ABSL_GUARDED_BY(mu_);
};

// Keeps the ends of tasks; can fail, and can hold its answers back. Thread-safe.
class FakeTaskStore final : public TaskStore {
 public:
  void Append(absl::Span<Appending> batch) override {
    for (Appending& each : batch) {
      {
        MutexLock lock(mu_);
        records_[each.record->name()] = each.record;
      }
      std::move(each.done)(absl::OkStatus());
    }
  }
  void CompleteIf(absl::Span<Completing> batch) override {
    for (Completing& each : batch) {
      absl::Status status;
      {
        MutexLock lock(mu_);
        if (failures_ > 0) {
          --failures_;
          status = ReasonError(absl::StatusCode::kUnavailable, "STORE_FAILED", "as asked");
        } else if (!refusal_.ok()) {
          status = std::exchange(refusal_, absl::OkStatus());
        } else {
          records_[each.record->name()] = each.record;
          ++completions_[each.record->name()];
        }
        if (holds_) {
          held_.push_back(std::move(each.done));
          continue;
        }
      }
      std::move(each.done)(status);
    }
  }
  void Note(const TaskRecordPtr& record, StatusCallback written) override {
    {
      MutexLock lock(mu_);
      notes_.push_back(record);
      if (written && holds_) {
        held_.push_back(std::move(written));
        return;
      }
    }
    if (written) std::move(written)(absl::OkStatus());
  }
  void FindRequest(const std::string&, RequestCallback done) override {
    std::move(done)(std::nullopt);
  }
  void Read(const std::string& name, RecordCallback done) override {
    TaskRecordPtr record = Find(name);
    if (record == nullptr) {
      std::move(done)(absl::NotFoundError("no such task"));
    } else {
      std::move(done)(std::move(record));
    }
  }
  void List(const TaskFilter&, int, const std::string&, PageCallback done) override {
    TaskPage page;
    {
      MutexLock lock(mu_);
      for (const auto& [name, record] : records_) page.records.push_back(*record);
    }
    std::move(done)(std::move(page));
  }
  void Delete(const std::string& name, StatusCallback done) override {
    bool erased = false;
    {
      MutexLock lock(mu_);
      erased = records_.erase(name) > 0;
    }
    std::move(done)(erased ? absl::OkStatus() : absl::NotFoundError("no such task"));
  }
  Durability effective_durability() const override { return Durability::kMemory; }

  void FailNext(int n) {
    MutexLock lock(mu_);
    failures_ = n;
  }
  // The next end is refused with this.
  void RefuseNext(absl::Status status) {
    MutexLock lock(mu_);
    refusal_ = std::move(status);
  }
  void HoldAnswers() {
    MutexLock lock(mu_);
    holds_ = true;
  }
  void ReleaseAnswers() {
    std::vector<StatusCallback> held;
    {
      MutexLock lock(mu_);
      holds_ = false;
      held.swap(held_);
    }
    for (StatusCallback& done : held) std::move(done)(absl::OkStatus());
  }
  TaskRecordPtr Find(const std::string& name) const {
    MutexLock lock(mu_);
    const auto found = records_.find(name);
    return found == records_.end() ? nullptr : found->second;
  }
  // What was noted of tasks that live, in the order of the calls.
  std::vector<TaskRecordPtr> notes() const {
    MutexLock lock(mu_);
    return notes_;
  }
  // How often the end of a task was recorded.
  int completions(const std::string& name) const {
    MutexLock lock(mu_);
    const auto found = completions_.find(name);
    return found == completions_.end() ? 0 : found->second;
  }

 private:
  mutable Mutex mu_;
  std::map<std::string, TaskRecordPtr> records_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, int> completions_ ABSL_GUARDED_BY(mu_);
  std::vector<TaskRecordPtr> notes_ ABSL_GUARDED_BY(mu_);
  int failures_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status refusal_ ABSL_GUARDED_BY(mu_);
  bool holds_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<StatusCallback> held_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_FAKE_TASK_PARTS_H_

// Runner, lifecycle and directory joined as in the server, around fakes of what surrounds them.
#ifndef TASKFORGE_SUPPORT_LIFECYCLE_FIXTURE_H_
#define TASKFORGE_SUPPORT_LIFECYCLE_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "handlers/registry.h"
#include "lifecycle/lifecycle.h"
#include "lifecycle/task_directory.h"
#include "runner/runner.h"
#include "support/capturing_log.h"
#include "support/fake_clock.h"
#include "support/fake_task_parts.h"
#include "support/fake_timer.h"

namespace taskforge {

// Keeps the events; everything is wanted. Thread-safe.
class RecordingEvents final : public TaskEvents {
 public:
  bool Wanted(const TaskSpec&, TaskState) const override { return true; }
  void Publish(const TaskRecordPtr& record) override {
    MutexLock lock(mu_);
    states_.push_back(record->state);
  }
  std::vector<TaskState> states() const {
    MutexLock lock(mu_);
    return states_;
  }

 private:
  mutable Mutex mu_;
  std::vector<TaskState> states_ ABSL_GUARDED_BY(mu_);
};

// Counts what is given back. Thread-safe.
class CountingLedger final : public AdmissionLedger {
 public:
  void GiveBack(size_t, size_t) override { given_back.Add(); }
  ShardedCounter given_back;
};

struct LifecycleFixture {
  LifecycleFixture() { (void)registry.RegisterRemote("work", ""); }

  TaskRef Submit(TaskSpec spec, const std::string& id = "t") {
    TaskRef task = QueuedTask(std::move(spec), runner, clock, id, Admission(ledger, 0, 0));
    live.Insert(task);
    queue.Enqueue(task, TaskSink::Position::kBack);
    return task;
  }
  // Starts what the queue gives; the caller completes it.
  std::optional<RemoteAttempt> Start() {
    TaskRef task = queue.Take();
    if (!task) return std::nullopt;
    return runner.StartRemote(std::move(task), "workers/w");
  }
  TaskRecordPtr Stored(const std::string& id = "t") { return store.Find(TaskName("default", id)); }
  // The answer of a cancel, which must come at once.
  absl::StatusOr<TaskRecordPtr> Cancel(const std::string& id = "t") {
    absl::StatusOr<TaskRecordPtr> answer = absl::InternalError("no answer");
    directory.Cancel(TaskName("default", id),
                     [&](absl::StatusOr<TaskRecordPtr> given) { answer = std::move(given); });
    return answer;
  }
  static TaskError ErrorOf(const char* reason, bool retryable = true) {
    TaskError error;
    error.reason = reason;
    error.message = "as asked";
    error.retryable = retryable;
    return error;
  }
  static TaskSpec Spec(int max_attempts = 1) {
    TaskSpec spec = SpecOf("work");
    spec.terms.Edit().retry.max_attempts = max_attempts;
    spec.terms.Edit().retry.jitter = 0;
    return spec;
  }

  FakeClock clock;
  FakeTimer timer{clock};
  CapturingLog log;
  SeededRandom random{1};
  HandlerRegistry registry;
  CountingLedger ledger;
  LiveTasks live;
  FakeQueue queue;
  FakeTaskStore store;
  RecordingEvents events;
  Lifecycle lifecycle{
      LifecycleOptions(), 9, {store, live, queue, events, clock, timer, random, log}};
  Runner runner{RunnerOptions(), 9, {registry, lifecycle, lifecycle, clock, timer, log}};
  TaskDirectory directory{{live, store, queue, lifecycle, clock}};
};

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_LIFECYCLE_FIXTURE_H_

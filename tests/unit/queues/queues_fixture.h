// Tasks of named queues and handlers, for the tests of queues/.
#ifndef TASKFORGE_UNIT_QUEUES_QUEUES_FIXTURE_H_
#define TASKFORGE_UNIT_QUEUES_QUEUES_FIXTURE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "queues/queue_gates.h"
#include "support/fake_clock.h"
#include "support/fake_release_target.h"
#include "task/task.h"

namespace taskforge {

class QueuesFixture : public ::testing::Test {
 protected:
  // A task in phase QUEUED, named `id`. `queue` is an index where no admission is given.
  TaskRef Make(const std::string& id, Priority priority = Priority::kNormal, size_t queue = 0,
               const std::string& handler = "echo") {
    return Make(id, priority, handler, Admission(no_ledger_, queue, 0));
  }
  TaskRef Make(const std::string& id, Priority priority, const std::string& handler,
               Admission admission) {
    TaskSpec spec;
    spec.handler = handler;
    spec.priority = priority;
    spec.origin.Edit().task_id = id;
    Ref<TaskRecord> record = MakeRef<TaskRecord>();
    record->spec = MakeRef<TaskSpec>(std::move(spec));
    TaskRef task = MakeRef<Task>(std::move(record), std::move(admission), runner_);
    task->TryAdvance(TaskPhase::kAccepting, TaskPhase::kQueued);
    task->enqueued = clock_.Monotonic();
    return task;
  }
  static const std::string& IdOf(const Task& task) { return task.spec().origin->task_id; }
  static std::vector<std::string> Names(const std::vector<TaskRef>& tasks) {
    std::vector<std::string> names;
    for (const TaskRef& task : tasks) names.push_back(IdOf(*task));
    return names;
  }

  // As the table of queues does it; `sync()` tells the lanes.
  template <typename Sync>
  void SetGate(size_t queue, bool is_paused, Sync sync) {
    const QueueGates::Change change = is_paused ? gates_.Pause(queue) : gates_.BeginToOpen(queue);
    sync();
    if (!is_paused) gates_.Open(queue, change);
  }

  FakeClock clock_;
  QueueGates gates_;  // Of one queue, until a test says otherwise.

 private:
  class NoRunner final : public TaskRunner {
   public:
    bool Run(TaskRef, const Dispatch&) override { return false; }
  };
  class NoLedger final : public AdmissionLedger {
   public:
    void GiveBack(size_t, size_t) override {}
  };

  NoRunner runner_;
  NoLedger no_ledger_;
};

}  // namespace taskforge

#endif  // TASKFORGE_UNIT_QUEUES_QUEUES_FIXTURE_H_

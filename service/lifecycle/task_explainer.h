// Why a task waits, behind what and until when; and what happened to one that has ended.
#ifndef TASKFORGE_LIFECYCLE_TASK_EXPLAINER_H_
#define TASKFORGE_LIFECYCLE_TASK_EXPLAINER_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "queues/task_queues.h"
#include "task/live_tasks.h"
#include "task/task_api.h"
#include "task/task_types.h"

namespace taskforge {

struct TaskExplanation {
  TaskRecordPtr record;  // As TaskControl::Get shows it.
  std::string text;      // For people.
  std::vector<std::string> advice;
  std::optional<TaskPlace> place;            // Where it waits for its turn.
  std::optional<absl::Time> expected_start;  // None: nothing tells.
  double starts_per_second = 0;              // Since it waits; 0: none has been seen.
  std::optional<QueueAct> paused;            // Its queue is, since then and for this reason.
};

// What is known of a task when it is explained.
struct ExplainFacts {
  TaskRecordPtr record;
  absl::Time now;
  std::optional<TaskPlace> place;
  std::optional<QueueAct> paused;
};
TaskExplanation Explained(const ExplainFacts& facts);

// Thread-safe.
class TaskExplainer {
 public:
  using Callback = absl::AnyInvocable<void(absl::StatusOr<TaskExplanation>) &&>;

  virtual ~TaskExplainer() = default;
  // `name` is the full name. Errors as TaskControl::Get has them. `done` is called once, perhaps
  // before the function returns.
  virtual void Explain(const std::string& name, Callback done) = 0;
};

// Costs what TaskQueues::PlaceOf does. All parts must outlive it and the callbacks. Thread-safe.
class WaitExplainer final : public TaskExplainer {
 public:
  WaitExplainer(TaskControl& control, const TaskQueues& queues, const Clock& clock)
      : control_(control), queues_(queues), clock_(clock) {}

  void Explain(const std::string& name, Callback done) override;

 private:
  TaskControl& control_;
  const TaskQueues& queues_;
  const Clock& clock_;
};

}  // namespace taskforge

#endif  // TASKFORGE_LIFECYCLE_TASK_EXPLAINER_H_

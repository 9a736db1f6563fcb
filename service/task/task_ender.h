// Ends tasks that never start.
#ifndef TASKFORGE_TASK_TASK_ENDER_H_
#define TASKFORGE_TASK_TASK_ENDER_H_

#include "absl/strings/string_view.h"
#include "task/task.h"
#include "task/task_state.h"

namespace taskforge {

// Thread-safe.
class TaskEnder {
 public:
  virtual ~TaskEnder() = default;
  // Records the end of a task whose (next) attempt will not start: `state` is CANCELLED or EXPIRED;
  // `reason` says why, as TaskError::reason does: `QUEUE_TIMEOUT`, `DEADLINE`, `CANCELLED`.
  // REQUIRES: the caller moved the phase to CANCELLING. Must not be called with a lock held.
  virtual void EndUnstarted(TaskRef task, TaskState state, absl::string_view reason) = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_TASK_TASK_ENDER_H_

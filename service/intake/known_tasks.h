// Answers submissions whose request_id stands for a task already.
#ifndef TASKFORGE_INTAKE_KNOWN_TASKS_H_
#define TASKFORGE_INTAKE_KNOWN_TASKS_H_

#include "absl/status/statusor.h"
#include "intake/request_index.h"
#include "store/task_store.h"
#include "task/live_tasks.h"
#include "task/task_api.h"

namespace taskforge {

// Both parts must outlive it, and the store's callbacks. Thread-safe.
class KnownTasks {
 public:
  KnownTasks(const LiveTasks& live, TaskStore& store) : live_(live), store_(store) {}

  // With the task as it is now, perhaps later; its end is told as well. NOT_FOUND, reason
  // TASK_GONE: it has ended and its record is gone.
  void Answer(Submission submission, const RequestIndex::TaskId& id) const;

 private:
  static void AnswerStored(Submission submission, const RequestIndex::TaskId& id,
                           const absl::StatusOr<TaskRecordPtr>& record);
  static void AnswerGone(Submission submission, const RequestIndex::TaskId& id);

  const LiveTasks& live_;
  TaskStore& store_;
};

}  // namespace taskforge

#endif  // TASKFORGE_INTAKE_KNOWN_TASKS_H_

// What a queue gives to those of its tasks that leave it open.
#ifndef TASKFORGE_TASK_TASK_DEFAULTS_H_
#define TASKFORGE_TASK_TASK_DEFAULTS_H_

#include <vector>

#include "absl/time/time.h"
#include "base/error.h"
#include "task/task_types.h"

namespace taskforge {

struct QueueTaskDefaults {
  // kUnspecified: the server's.
  Durability durability = Durability::kUnspecified;
  absl::Duration queue_timeout = absl::InfiniteDuration();  // Infinite: none.
  absl::Duration run_timeout = absl::InfiniteDuration();    // Infinite: the server's.
  RetryPolicy retry;                                        // One attempt: none.
  bool operator==(const QueueTaskDefaults&) const = default;

  // Fills in the terms of a task that is not validated yet. `has_retry`: it says how often it is
  // tried, be it once. Durability is not among them: what a task asked for stays as it was.
  void ApplyTo(TaskSpec& spec, bool has_retry) const;
  // All that is wrong, with the limits of tasks; fields are named as those of the API's Queue.
  std::vector<FieldViolation> Validate() const;
};

}  // namespace taskforge

#endif  // TASKFORGE_TASK_TASK_DEFAULTS_H_

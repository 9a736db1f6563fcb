// Log lines about a task.
#ifndef TASKFORGE_TASK_TASK_LOG_H_
#define TASKFORGE_TASK_TASK_LOG_H_

#include "absl/strings/string_view.h"
#include "base/log.h"
#include "task/task.h"
#include "task/task_types.h"

namespace taskforge {

// Writes a line about a task. Before `fields` come those by which it is found again: `task`, its
// name; `request_id`, the x-request-id of the call that submitted it or, where there was none, the
// submission's request_id; `trace_id`, of its traceparent. One that it does not have is left out.
void LogTask(Log& log, LogLevel level, absl::string_view message, const Task& task,
             Log::Fields fields = {});
void LogTask(Log& log, LogLevel level, absl::string_view message, const TaskRecord& record,
             Log::Fields fields = {});

}  // namespace taskforge

#endif  // TASKFORGE_TASK_TASK_LOG_H_

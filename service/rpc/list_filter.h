// The filter of ListTasks, CancelTasks and RetryTasks.
#ifndef TASKFORGE_RPC_LIST_FILTER_H_
#define TASKFORGE_RPC_LIST_FILTER_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rpc/violations.h"
#include "task/task_api.h"

namespace taskforge {

// Parses exact matches joined by AND into `filter`:
//   state = FAILED AND handler = "echo" AND queue = default
// Keys: state (a name of v1.TaskState, with or without TASK_STATE_, in any case), handler, queue.
// AND in any case. Values bare or in double quotes. Everything that is wrong goes to `violations`.
void ParseTaskFilter(absl::string_view text, absl::string_view field, TaskFilter& filter,
                     Violations& violations);

// The same with the queue that `parent` names: `queues/{queue}`, or `queues/-` or nothing for all.
// NOT_FOUND, reason NAMESPACE_UNKNOWN.
absl::Status ParseTaskSelection(absl::string_view parent, absl::string_view filter_text,
                                TaskFilter& filter, Violations& violations);

}  // namespace taskforge

#endif  // TASKFORGE_RPC_LIST_FILTER_H_

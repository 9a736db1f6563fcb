// Why a submission is not accepted, as its client hears it: the code and the reason for programs,
// and a message with what is wrong, the limit and the way out.
#ifndef TASKFORGE_INTAKE_REFUSALS_H_
#define TASKFORGE_INTAKE_REFUSALS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "task/priority.h"

namespace taskforge {

// FAILED_PRECONDITION, reason HANDLER_UNKNOWN. `near` are names like it, the nearest first; may be
// empty.
absl::Status HandlerUnknownError(absl::string_view handler, const std::vector<std::string>& near);

// RESOURCE_EXHAUSTED, reason POOL_OVERLOADED: work of `priority` or above has waited for `wait`, of
// which `limit` is allowed. Tells the client to come again when, at the best, what waits is in time
// again: after 1 s to 30 s. REQUIRES: `wait` is at least `limit`.
absl::Status PoolOverloadedError(Priority priority, absl::Duration wait, absl::Duration limit);

// ALREADY_EXISTS, reason REQUEST_ID_REUSED: the id stands for other content, which became the task
// `task_name` (empty: it has no answer yet).
absl::Status RequestIdReusedError(absl::string_view request_id, absl::string_view task_name);

// NOT_FOUND, reason TASK_GONE: the id stands for a task that has ended and whose record is gone. A
// second task would break the promise of the id.
absl::Status TaskGoneError(absl::string_view request_id, absl::string_view task_name);

// ALREADY_EXISTS, reason TASK_EXISTS.
absl::Status TaskExistsError(absl::string_view task_name);

// UNAVAILABLE, reason STORE_FAILED. `why` is what the store says.
absl::Status StoreFailedError(const absl::Status& why);

}  // namespace taskforge

#endif  // TASKFORGE_INTAKE_REFUSALS_H_

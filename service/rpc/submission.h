// Requests that submit a task, as the core takes them.
#ifndef TASKFORGE_RPC_SUBMISSION_H_
#define TASKFORGE_RPC_SUBMISSION_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "rpc/call.h"
#include "rpc/convert.h"
#include "rpc/names.h"
#include "rpc/violations.h"
#include "task/task_types.h"

namespace taskforge {

// What all submissions of one call share.
struct SubmissionContext {
  Priority default_priority = Priority::kNormal;
  absl::string_view principal;
  absl::string_view traceparent;
};

// `Request` has parent, task, task_id and request_id: SubmitTaskRequest and RunTaskRequest.
// Takes strings out of it. Only what cannot be converted is refused here; the core validates the
// rest.
template <typename Request>
absl::StatusOr<TaskSpec> SpecFromRequest(Request& request, const SubmissionContext& context) {
  Violations violations;
  const bool has_task = request.has_task();
  TaskSpec spec = SpecFromProto(*request.mutable_task(), context.default_priority, "task", violations);
  if (!has_task) violations.Add("task", "required");
  std::optional<std::string> queue = ParseQueueParent(request.parent());
  if (!queue.has_value()) {
    violations.Add("parent", "want queues/{queue} with a queue of [a-z][a-z0-9_-]{0,62}");
  }
  if (!violations.empty()) return violations.TakeStatus();
  spec.queue = *std::move(queue);
  spec.task_id = request.task_id();
  spec.request_id = request.request_id();
  spec.principal = std::string(context.principal);
  spec.traceparent = std::string(context.traceparent);
  return spec;
}

}  // namespace taskforge

#endif  // TASKFORGE_RPC_SUBMISSION_H_

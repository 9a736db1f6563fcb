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
#include "task/task_api.h"
#include "task/task_types.h"

namespace taskforge {

// What all submissions of one call share.
struct SubmissionContext {
  Priority default_priority = Priority::kNormal;
  absl::string_view principal;
  CallTrace trace;
};

// `Request` has parent, task, task_id and request_id: SubmitTaskRequest and RunTaskRequest.
// Takes strings out of it. What cannot be converted is noted; the core validates the rest and tells
// both together.
template <typename Request>
Submission SubmissionFrom(Request& request, const SubmissionContext& context) {
  Violations violations;
  Submission submission;
  submission.has_priority = request.task().priority() != v1::PRIORITY_UNSPECIFIED;
  if (!request.has_task()) violations.Add("task", "required");
  TaskSpec& spec = submission.spec;
  spec = SpecFromProto(*request.mutable_task(), context.default_priority, "task", violations);
  std::optional<QueueParent> parent = ParseQueueParent(request.parent());
  if (parent.has_value()) {
    spec.ns = std::move(parent->ns);
    spec.queue = std::move(parent->queue);
  } else {
    violations.Add("parent", "want queues/{queue} with a queue of [a-z][a-z0-9_-]{0,62}");
  }
  spec.task_id = request.task_id();
  spec.request_id = request.request_id();
  spec.principal = std::string(context.principal);
  spec.traceparent = std::string(context.trace.traceparent);
  spec.x_request_id = std::string(context.trace.x_request_id);
  submission.violations = violations.Take();
  return submission;
}

}  // namespace taskforge

#endif  // TASKFORGE_RPC_SUBMISSION_H_

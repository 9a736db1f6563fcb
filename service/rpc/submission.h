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
// What cannot be converted is noted; the core validates the rest and tells
// both together.
template <typename Request>
Submission SubmissionFrom(const Request& request, const SubmissionContext& context) {
  Violations violations;
  Submission submission;
  submission.has_priority = request.task().priority() != v1::PRIORITY_UNSPECIFIED;
  submission.has_retry_policy = request.task().has_retry_policy();
  if (!request.has_task()) violations.Add("task", "required");
  TaskSpec& spec = submission.spec;
  spec = SpecFromProto(request.task(), context.default_priority, "task", violations);
  std::optional<QueueParent> parent = ParseQueueParent(request.parent());
  if (parent.has_value()) {
    if (parent->ns != kDefaultNamespace) spec.origin.Edit().ns = std::move(parent->ns);
    if (parent->queue != kDefaultQueue) spec.queue = parent->queue;
  } else {
    violations.Add("parent", "want queues/{queue} with a queue of [a-z][a-z0-9_-]{0,62}");
  }
  // Only what is there: most tasks have no origin to keep.
  const auto keep = [&spec](absl::string_view text, std::string TaskOrigin::*where) {
    if (!text.empty()) spec.origin.Edit().*where = std::string(text);
  };
  keep(request.task_id(), &TaskOrigin::task_id);
  keep(request.request_id(), &TaskOrigin::request_id);
  keep(context.principal, &TaskOrigin::principal);
  keep(context.trace.traceparent, &TaskOrigin::traceparent);
  keep(context.trace.x_request_id, &TaskOrigin::x_request_id);
  submission.violations = violations.Take();
  return submission;
}

}  // namespace taskforge

#endif  // TASKFORGE_RPC_SUBMISSION_H_

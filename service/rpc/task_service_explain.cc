// ExplainTask.
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "rpc/convert.h"
#include "rpc/coroutine.h"
#include "rpc/names.h"
#include "rpc/task_service.h"

namespace taskforge {
namespace {

void ToProto(const TaskPlace& place, v1::QueuePosition& out) {
  out.set_ahead(static_cast<int64_t>(place.ahead()));
  out.set_exact(place.is_exact());
  out.set_ahead_in_queue(static_cast<int64_t>(place.in_queue));
  out.set_ahead_in_other_queues(static_cast<int64_t>(place.in_other_queues));
  out.set_ahead_more_urgent(static_cast<int64_t>(place.more_urgent));
  out.set_ahead_released(static_cast<int64_t>(place.released));
}

void ToProto(const TaskExplanation& explanation, v1::ExplainTaskResponse& out) {
  taskforge::ToProto(*explanation.record, *out.mutable_task(), {.input = false, .output = false});
  out.set_explanation(explanation.text);
  for (const std::string& advice : explanation.advice) out.add_advice(advice);
  if (explanation.place.has_value()) ToProto(*explanation.place, *out.mutable_position());
  if (explanation.expected_start.has_value()) {
    taskforge::ToProto(*explanation.expected_start, *out.mutable_expected_start_time());
  }
  out.set_starts_per_second(explanation.starts_per_second);
  if (explanation.paused.has_value()) {
    taskforge::ToProto(explanation.paused->time, *out.mutable_queue_paused_time());
    out.set_queue_paused_reason(explanation.paused->reason);
  }
}

using ExplanationOr = absl::StatusOr<TaskExplanation>;

}  // namespace

Reply TaskService::ExplainTask(UnaryCall<v1::ExplainTaskRequest, v1::ExplainTaskResponse>& call) {
  const absl::Status known = CheckNamespaceOf(call.request().name());
  if (!known.ok()) co_return known;
  const std::optional<std::string> name = ParseTaskName(call.request().name());
  if (!name.has_value()) {
    co_return InvalidArgument({{"name", "want queues/{queue}/tasks/{task} or {task}"}});
  }
  auto later = MakeRef<Eventual<ExplanationOr>>();
  parts_.explainer.Explain(*name, [later](ExplanationOr given) { later->Set(std::move(given)); });
  Eventual<ExplanationOr>& explanation_later = *later;
  const ExplanationOr explanation = co_await explanation_later;
  if (!explanation.ok()) co_return explanation.status();
  ToProto(*explanation, call.response());
  co_return absl::OkStatus();
}

}  // namespace taskforge

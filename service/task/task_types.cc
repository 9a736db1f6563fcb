#include "task/task_types.h"

#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

// What a task costs beside its strings: the live object, the record, table and ring entries.
constexpr size_t kFixedCost = 512;

size_t CostBytes(const std::optional<TaskError>& error) {
  return error.has_value() ? error->reason.size() + error->message.size() : 0;
}

}  // namespace

std::string TaskName(const std::string& queue, const std::string& task_id) {
  return absl::StrCat("queues/", queue, "/tasks/", task_id);
}

std::string TaskKey(absl::string_view ns, absl::string_view name) {
  return absl::StrCat(ns, "/", name);
}

size_t CostBytes(const TaskSpec& spec) {
  size_t bytes = kFixedCost + spec.input.data.size() + spec.input.content_type.size() +
                 spec.handler.size() + spec.request_id.size() + spec.result_topic.size() +
                 spec.traceparent.size() + spec.x_request_id.size();
  for (const auto& [key, value] : spec.labels) bytes += key.size() + value.size() + 64;
  return bytes;
}

size_t CostBytes(const TaskRecord& record) {
  size_t bytes =
      CostBytes(*record.spec) + record.name.size() + record.uid.size() + CostBytes(record.error);
  if (record.output.has_value()) bytes += record.output->data.size();
  for (const AttemptRecord& attempt : record.attempts) {
    bytes += sizeof(AttemptRecord) + attempt.executor.size() + CostBytes(attempt.error);
  }
  return bytes;
}

}  // namespace taskforge

#include "task/task_types.h"

#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

// What a task costs beside its strings: the live object, the record, table and ring entries.
constexpr size_t kFixedCost = 512;

size_t CostBytes(const Boxed<TaskError>& error) {
  return error.has_value() ? error->reason.size() + error->message.size() : 0;
}

constexpr absl::string_view kQueues = "queues/";
constexpr absl::string_view kTasks = "/tasks/";

}  // namespace

std::string TaskName(absl::string_view queue, absl::string_view task_id) {
  return absl::StrCat(kQueues, queue, kTasks, task_id);
}

std::string TaskRecord::name() const { return std::string(TaskNameText(*this).view()); }

TaskNameText::TaskNameText(const TaskRecord& record) {
  const Uuid::Text uid = record.uid.ToText();
  const std::string& own_id = record.spec->origin->task_id;
  const absl::string_view id =
      own_id.empty() ? absl::string_view(uid.data(), uid.size()) : absl::string_view(own_id);
  for (const absl::string_view part : {kQueues, record.spec->queue.view(), kTasks, id}) {
    text_.insert(text_.end(), part.begin(), part.end());
  }
}

size_t CostBytes(const TaskSpec& spec) {
  const TaskOrigin& origin = *spec.origin;
  size_t bytes = kFixedCost + spec.input.data.size() + spec.input.content_type.size() +
                 spec.handler.size() + origin.request_id.size() + spec.terms->result_topic.size() +
                 origin.traceparent.size() + origin.x_request_id.size();
  for (const auto& [key, value] : spec.terms->labels) bytes += key.size() + value.size() + 64;
  return bytes;
}

size_t CostBytes(const TaskRecord& record) {
  const TaskHistory& history = *record.history;
  const size_t own_id = record.spec->origin->task_id.size();
  size_t bytes = CostBytes(*record.spec) + CostBytes(history.error) + kQueues.size() +
                 record.spec->queue.size() + kTasks.size() +
                 (own_id == 0 ? Uuid::kTextBytes : own_id);
  if (history.output.has_value()) bytes += history.output->data.size();
  for (const AttemptRecord& attempt : history.attempts) {
    bytes += sizeof(AttemptRecord) + attempt.executor.size() + CostBytes(attempt.error);
  }
  return bytes;
}

}  // namespace taskforge

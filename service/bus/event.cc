#include "bus/event.h"

#include "absl/strings/str_cat.h"
#include "task/trace.h"

namespace taskforge {
namespace {

// When the task came to its state.
absl::Time TimeOf(const TaskRecord& record) {
  if (IsTerminal(record.state)) return record.end_time;
  if (record.state == TaskState::kRunning) return record.start_time;
  return record.attempts.empty() ? record.create_time : record.attempts.back().ended_time;
}

EventFields FieldsOf(std::string topic, TaskRecordPtr record) {
  EventFields fields;
  fields.topic = std::move(topic);
  fields.priority = record->spec->priority;
  fields.record = std::move(record);
  return fields;
}

}  // namespace

Event::Event(EventFields fields)
    : priority_(fields.priority), bytes_(BytesOf(fields)), fields_(std::move(fields)) {}

Event::Event(std::string topic, TaskRecordPtr record)
    : Event(FieldsOf(std::move(topic), std::move(record))) {}

EventFields Event::Attributes() const {
  EventFields all;
  all.topic = fields_.topic;
  all.priority = fields_.priority;
  if (fields_.record == nullptr) {
    all.id = fields_.id;
    all.source = fields_.source;
    all.type = fields_.type;
    all.subject = fields_.subject;
    all.time = fields_.time;
    all.attributes = fields_.attributes;
    return all;
  }
  const TaskRecord& record = *fields_.record;
  const TaskSpec& spec = *record.spec;
  all.id = absl::StrCat(record.uid, "/", record.revision);
  all.source = "taskforge";
  all.type = absl::StrCat("taskforge.task.", Name(record.state));
  all.subject = record.name;
  all.time = TimeOf(record);
  if (!spec.traceparent.empty()) all.attributes[kTraceparentAttribute] = spec.traceparent;
  if (!spec.x_request_id.empty()) all.attributes[kXRequestIdAttribute] = spec.x_request_id;
  all.record = fields_.record;
  return all;
}

size_t Event::BytesOf(const EventFields& fields) {
  size_t bytes = sizeof(Event) + fields.id.size() + fields.source.size() + fields.type.size() +
                 fields.subject.size() + fields.topic.size() + fields.data.content_type.size() +
                 fields.data.data.size();
  for (const auto& [name, value] : fields.attributes) {
    bytes += name.size() + value.size() + 64;  // 64: a tree's node.
  }
  if (fields.record != nullptr) bytes += CostBytes(*fields.record);
  return bytes;
}

}  // namespace taskforge

#include "lifecycle/task_events.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "bus/topic.h"
#include "task/trace.h"

namespace taskforge {
namespace {

// When the task came to its state.
absl::Time TimeOf(const TaskRecord& record) {
  if (IsTerminal(record.state)) return record.end_time;
  if (record.state == TaskState::kRunning) return record.start_time;
  return record.attempts.empty() ? record.create_time : record.attempts.back().ended_time;
}

}  // namespace

bool BusTaskEvents::Wanted(const TaskSpec& spec, TaskState state) const {
  return !bus_.IsQuiet() && bus_.HasSubscribers(TaskTopic(spec.queue, state, spec.handler));
}

void BusTaskEvents::Publish(const TaskRecordPtr& record) {
  if (bus_.IsQuiet()) return;
  const TaskSpec& spec = *record->spec;
  PublishOn(TaskTopic(spec.queue, record->state, spec.handler), record);
  if (IsTerminal(record->state) && !spec.result_topic.empty()) {
    PublishOn(spec.result_topic, record);
  }
}

void BusTaskEvents::PublishOn(std::string topic, const TaskRecordPtr& record) {
  if (!bus_.HasSubscribers(topic)) return;
  EventFields event;
  event.id = absl::StrCat(record->uid, "/", record->revision);
  event.source = "taskforge";
  event.type = absl::StrCat("taskforge.task.", Name(record->state));
  event.subject = record->name;
  event.time = TimeOf(*record);
  event.topic = std::move(topic);
  event.priority = record->spec->priority;
  event.record = record;
  const TaskSpec& spec = *record->spec;
  if (!spec.traceparent.empty()) event.attributes[kTraceparentAttribute] = spec.traceparent;
  if (!spec.x_request_id.empty()) event.attributes[kXRequestIdAttribute] = spec.x_request_id;
  bus_.Publish(MakeEvent(std::move(event)));
}

}  // namespace taskforge

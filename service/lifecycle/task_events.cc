#include "lifecycle/task_events.h"

#include "bus/topic.h"

namespace taskforge {

bool BusTaskEvents::Wanted(const TaskSpec& spec, TaskState state) const {
  return !bus_.IsQuiet() && bus_.HasSubscribers(TaskTopic(spec.queue, state, spec.handler));
}

void BusTaskEvents::Publish(const TaskRecordPtr& record) {
  if (bus_.IsQuiet()) return;
  const TaskSpec& spec = *record->spec;
  PublishOn(TaskTopic(spec.queue, record->state, spec.handler), record);
  if (IsTerminal(record->state) && !spec.terms->result_topic.empty()) {
    PublishOn(spec.terms->result_topic, record);
  }
}

void BusTaskEvents::PublishOn(absl::string_view topic, const TaskRecordPtr& record) {
  if (!bus_.HasSubscribers(topic)) return;
  bus_.Publish(MakeTaskEvent(topic, record));
}

}  // namespace taskforge

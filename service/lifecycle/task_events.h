// Tells the bus what becomes of tasks.
#ifndef TASKFORGE_LIFECYCLE_TASK_EVENTS_H_
#define TASKFORGE_LIFECYCLE_TASK_EVENTS_H_

#include "bus/bus.h"
#include "task/task_state.h"
#include "task/task_types.h"

namespace taskforge {

// Thread-safe.
class TaskEvents {
 public:
  virtual ~TaskEvents() = default;
  // Whether anybody listens for tasks like this one that come to `state`. Asked before a record is
  // copied for it.
  virtual bool Wanted(const TaskSpec& spec, TaskState state) const = 0;
  // The task has come to record->state: on `task.<queue>.<state>.<handler>` and, when it has ended,
  // on its result_topic.
  virtual void Publish(const TaskRecordPtr& record) = 0;
};

// Publishes on a bus, with the task's priority and the record attached, and the attributes
// `traceparent` and `xrequestid` where the submitting call had them (task/trace.h). `bus` must
// outlive it. Thread-safe.
class BusTaskEvents final : public TaskEvents {
 public:
  explicit BusTaskEvents(Bus& bus) : bus_(bus) {}

  bool Wanted(const TaskSpec& spec, TaskState state) const override;
  void Publish(const TaskRecordPtr& record) override;

 private:
  void PublishOn(absl::string_view topic, const TaskRecordPtr& record);

  Bus& bus_;
};

}  // namespace taskforge

#endif  // TASKFORGE_LIFECYCLE_TASK_EVENTS_H_

// What the schedules need of others.
#ifndef TASKFORGE_SCHEDULES_SCHEDULE_PARTS_H_
#define TASKFORGE_SCHEDULES_SCHEDULE_PARTS_H_

#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "store/setting.h"
#include "task/task.h"
#include "task/task_types.h"

namespace taskforge {

// Keeps schedules. Thread-safe.
class ScheduleStore {
 public:
  using StatusCallback = absl::AnyInvocable<void(absl::Status) &&>;
  virtual ~ScheduleStore() = default;
  // All of them or none, in the order of the calls. `done` is called once, on any thread, perhaps
  // before the function returns: OK, and they outlive the process, if anything does.
  virtual void Write(std::vector<Setting> settings, StatusCallback done) = 0;
};

// What the schedules ask about tasks. Thread-safe.
class ScheduleTasks {
 public:
  virtual ~ScheduleTasks() = default;
  // Whether the task's queue and handler are there. NOT_FOUND, reason QUEUE_UNKNOWN;
  // FAILED_PRECONDITION, reason HANDLER_UNKNOWN.
  virtual absl::Status Check(const TaskSpec& task) const = 0;
  // Null: it has ended, or never was.
  virtual TaskRef FindLive(const std::string& task_name) const = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_SCHEDULES_SCHEDULE_PARTS_H_

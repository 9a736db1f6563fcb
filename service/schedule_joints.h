// Joins the schedules to storage, queues, handlers and tasks.
#ifndef TASKFORGE_SCHEDULE_JOINTS_H_
#define TASKFORGE_SCHEDULE_JOINTS_H_

#include <string>
#include <utility>
#include <vector>

#include "adapters.h"
#include "intake/refusals.h"
#include "schedules/schedule_parts.h"
#include "store/setting.h"
#include "task/live_tasks.h"

namespace taskforge {

// Schedules are kept beside what else is set; `settings` is null where nothing is. Thread-safe.
class StoredSchedules final : public ScheduleStore {
 public:
  explicit StoredSchedules(SettingsStore* settings) : settings_(settings) {}
  void Write(std::vector<Setting> settings, StatusCallback done) override {
    if (settings_ == nullptr) return std::move(done)(absl::OkStatus());
    settings_->WriteSettings(std::move(settings), std::move(done));
  }

 private:
  SettingsStore* const settings_;
};

// What a schedule's tasks need to be there. Thread-safe.
class TasksOfSchedules final : public ScheduleTasks {
 public:
  TasksOfSchedules(const TaskQueues& queues, const HandlerDirectory& handlers,
                   const LiveTasks& live)
      : queues_(queues), handlers_(handlers), live_(live) {}

  absl::Status Check(const TaskSpec& task) const override {
    if (!queues_.Look(task.queue).has_value()) return queues_.UnknownError(task.queue);
    if (handlers_.Knows(task.handler)) return absl::OkStatus();
    return HandlerUnknownError(task.handler, handlers_.Near(task.handler));
  }
  TaskRef FindLive(const std::string& task_name) const override { return live_.Find(task_name); }

 private:
  const TaskQueues& queues_;
  const HandlerDirectory& handlers_;
  const LiveTasks& live_;
};

}  // namespace taskforge

#endif  // TASKFORGE_SCHEDULE_JOINTS_H_

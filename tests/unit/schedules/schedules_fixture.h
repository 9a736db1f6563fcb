// Schedules on virtual time, over a disk in memory.
#ifndef TASKFORGE_UNIT_SCHEDULES_SCHEDULES_FIXTURE_H_
#define TASKFORGE_UNIT_SCHEDULES_SCHEDULES_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "schedules/schedule_codec.h"
#include "schedules/schedules.h"
#include "support/fake_clock.h"
#include "support/fake_tasks.h"
#include "support/fake_timer.h"
#include "support/sim_engine.h"

namespace taskforge {

// Writes at once, and syncs. `disk` must outlive it.
class SimScheduleStore final : public ScheduleStore {
 public:
  explicit SimScheduleStore(SimDisk& disk) : engine_(disk) {}

  void Write(std::vector<Setting> settings, StatusCallback done) override {
    const auto batch = engine_.NewBatch();
    for (const Setting& setting : settings) {
      if (setting.value.empty()) {
        batch->Delete(StoreTable::kMeta, setting.key);
      } else {
        batch->Put(StoreTable::kMeta, setting.key, setting.value);
      }
    }
    std::move(done)(engine_.Write(*batch, /*sync=*/true));
  }
  static std::vector<Setting> Read(const SimDisk& disk) {
    std::vector<Setting> settings;
    for (auto& [key, value] : disk.Table(StoreTable::kMeta)) settings.push_back({key, value});
    return settings;
  }

 private:
  SimEngine engine_;
};

// Finds tasks by a function; every queue and handler is there, but for the handler `unknown`.
class FakeScheduleTasks final : public ScheduleTasks {
 public:
  explicit FakeScheduleTasks(std::function<TaskRef(const std::string&)> find)
      : find_(std::move(find)) {}
  absl::Status Check(const TaskSpec& task) const override {
    if (absl::string_view(task.handler) != "unknown") return absl::OkStatus();
    return ReasonError(absl::StatusCode::kFailedPrecondition, "HANDLER_UNKNOWN", "no such handler");
  }
  TaskRef FindLive(const std::string& task_name) const override { return find_(task_name); }

 private:
  std::function<TaskRef(const std::string&)> find_;
};

inline ScheduleSettings SettingsOf(absl::string_view id, absl::Duration interval) {
  ScheduleSettings settings;
  settings.id = std::string(id);
  settings.interval = interval;
  settings.task.handler = "echo";
  return settings;
}

}  // namespace taskforge

#endif  // TASKFORGE_UNIT_SCHEDULES_SCHEDULES_FIXTURE_H_

// Schedules as people see them.
#ifndef TASKFORGE_CLI_SCHEDULE_VIEW_H_
#define TASKFORGE_CLI_SCHEDULE_VIEW_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "cli/table.h"
#include "taskforge/v1/schedule_service.pb.h"

namespace taskforge::cli {

Table ScheduleTable();
void AddScheduleRow(const v1::Schedule& schedule, Table& table);
// All of it: when it runs, what became of it, what was done to it and why.
std::string DescribeSchedule(const v1::Schedule& schedule);

// `skip`, `queue-one`, `allow`.
std::optional<v1::OverlapPolicy> ParseOverlap(absl::string_view text);
// `skip`, `run-once`.
std::optional<v1::MissedRunPolicy> ParseMissed(absl::string_view text);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_SCHEDULE_VIEW_H_

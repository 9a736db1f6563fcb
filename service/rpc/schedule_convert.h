// Between ScheduleService's messages and the core's values.
#ifndef TASKFORGE_RPC_SCHEDULE_CONVERT_H_
#define TASKFORGE_RPC_SCHEDULE_CONVERT_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rpc/convert.h"
#include "rpc/violations.h"
#include "schedules/schedules.h"
#include "taskforge/v1/schedule_service.pb.h"

namespace taskforge {

// What cannot be converted, and what only the server sets, goes to `violations`. `default_priority`
// stands in for a task's that has none.
ScheduleSettings SettingsFrom(const v1::Schedule& schedule, Priority default_priority,
                              Violations& violations);
// Of what update_mask names.
ScheduleUpdate UpdateFrom(const v1::UpdateScheduleRequest& request, Priority default_priority,
                          Violations& violations);

// All but effective_durability, which is the server's.
void ToProto(const ScheduleView& view, absl::Time now, v1::Schedule& out, TaskParts parts);

// The core calls its fields by their names alone; in the answer they are those of `schedule`.
std::vector<FieldViolation> OfSchedule(std::vector<FieldViolation> violations);
absl::Status InTermsOfSchedule(const absl::Status& status);

}  // namespace taskforge

#endif  // TASKFORGE_RPC_SCHEDULE_CONVERT_H_

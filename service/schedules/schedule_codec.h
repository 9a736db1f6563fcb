// Schedules as bytes, for a store that keeps them (schedules/proto/stored_schedule.proto).
#ifndef TASKFORGE_SCHEDULES_SCHEDULE_CODEC_H_
#define TASKFORGE_SCHEDULES_SCHEDULE_CODEC_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "schedules/schedule.h"

namespace taskforge {

// What the keys of all schedules begin with, and only those.
inline constexpr char kScheduleKeys[] = "schedule";
std::string ScheduleKey(absl::string_view id);
std::string ScheduleRunsKey(absl::string_view id);
// The id in a key of either kind, and which it is; empty: it is none.
absl::string_view IdOfScheduleKey(absl::string_view key);
absl::string_view IdOfScheduleRunsKey(absl::string_view key);

std::string EncodeSchedule(const ScheduleRecord& schedule);
// DATA_LOSS: these bytes are none.
absl::StatusOr<ScheduleRecord> DecodeSchedule(absl::string_view bytes);

// Runs carry the schedule's UUID: those of an earlier schedule of the id are none of it.
std::string EncodeScheduleRuns(const Uuid& uid, const ScheduleRuns& runs);
struct KeptScheduleRuns {
  Uuid uid;
  ScheduleRuns runs;
};
absl::StatusOr<KeptScheduleRuns> DecodeScheduleRuns(absl::string_view bytes);

}  // namespace taskforge

#endif  // TASKFORGE_SCHEDULES_SCHEDULE_CODEC_H_

// A schedule: what a client sets, what was done to it by hand, and what became of it. Plain values.
#ifndef TASKFORGE_SCHEDULES_SCHEDULE_H_
#define TASKFORGE_SCHEDULES_SCHEDULE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/error.h"
#include "schedules/recurrence.h"
#include "task/task_types.h"
#include "task/uuid.h"
#include "task/validation.h"

namespace taskforge {

// Schedules at once.
inline constexpr size_t kMaxSchedules = 10'000;
// The tasks of all of them together (CostBytes), which are held in memory.
inline constexpr size_t kMaxScheduleBytes = size_t{64} << 20;
// Of its id: with an instant behind it, it is the id of a task.
inline constexpr size_t kMaxScheduleIdBytes = 45;
// Of why it was paused or resumed.
inline constexpr size_t kMaxScheduleReasonBytes = 256;

// What becomes of an instant while the task of an earlier one has not ended.
enum class OverlapPolicy : uint8_t {
  kSkip,      // It has no run.
  kQueueOne,  // It runs when that has ended; others that come meanwhile have no run.
  kAllow,     // It runs beside it.
};

// What becomes of instants at which no run could be started.
enum class MissedRunPolicy : uint8_t {
  kSkip,     // They have no run.
  kRunOnce,  // The last of them runs as soon as it can be started.
};

// What a client sets.
struct ScheduleSettings {
  std::string id;
  std::string cron;                                // Empty: by interval.
  absl::Duration interval = absl::ZeroDuration();  // Zero: by cron.
  std::string time_zone;                           // Of cron; empty: UTC.
  OverlapPolicy overlap = OverlapPolicy::kSkip;
  MissedRunPolicy missed = MissedRunPolicy::kSkip;
  // Of each run; with its queue and who asked (origin->principal).
  TaskSpec task;
  bool has_priority = false;      // False: each run takes what its queue has at the time.
  bool has_retry_policy = false;  // The same.

  // Everything that is wrong, with the limit and the way out; fields are named as in the proto's
  // Schedule. Empty: nothing.
  std::vector<FieldViolation> Validate(const TaskLimits& limits, absl::Time now) const;
  // REQUIRES: cron or interval, and the zone, are valid.
  absl::StatusOr<Recurrence> MakeRecurrence(absl::Time anchor) const;
};

// A change: what is not set stays.
struct ScheduleUpdate {
  std::optional<std::string> cron;
  std::optional<absl::Duration> interval;
  std::optional<std::string> time_zone;
  std::optional<OverlapPolicy> overlap;
  std::optional<MissedRunPolicy> missed;
  std::optional<std::string> queue;
  std::optional<TaskSpec> task;   // Without its queue.
  bool has_priority = false;      // Of `task`.
  bool has_retry_policy = false;  // The same.
  std::string principal;          // Who asks; empty: nobody identified.

  // Cron takes the interval's place, and the other way round.
  void ApplyTo(ScheduleSettings& settings) const;
  bool changes_recurrence() const {
    return cron.has_value() || interval.has_value() || time_zone.has_value();
  }
};

// The last time that somebody paused or resumed it.
struct ScheduleAct {
  absl::Time time = absl::InfinitePast();  // InfinitePast(): it never was done.
  std::string reason;
};

// A schedule as it was set. Immutable once it is shared.
struct ScheduleRecord {
  ScheduleSettings settings;
  Uuid uid;
  absl::Time create_time;
  absl::Time update_time;
  absl::Time effective_from;  // Instants up to here are none of it: before it was made or resumed.
  absl::Time anchor;          // Of the interval.
  bool is_paused = false;
  ScheduleAct paused;
  ScheduleAct resumed;
};
using ScheduleRecordPtr = std::shared_ptr<const ScheduleRecord>;

// What became of it so far.
struct ScheduleRuns {
  absl::Time decided_until = absl::InfinitePast();  // Nothing up to here is decided again.
  absl::Time waiting = absl::InfinitePast();        // Of OverlapPolicy::kQueueOne; none.
  absl::Time last_run_time = absl::InfinitePast();  // When a task was submitted last; never.
  absl::Time last_instant = absl::InfinitePast();   // Which that was for.
  std::string last_task;                            // Its name.
  uint64_t started = 0;
  uint64_t skipped = 0;  // The task of an earlier one had not ended.
  uint64_t missed = 0;   // No run could be started.
  bool operator==(const ScheduleRuns&) const = default;
};

// `[a-z][a-z0-9_-]{0,44}`.
bool IsScheduleId(absl::string_view id);
// As violation of the field `reason`.
std::vector<FieldViolation> ValidateScheduleReason(absl::string_view reason);

// The submission of an instant's run: its task_id (`nightly-20261127t020000z`) and its request_id
// follow from schedule and instant alone, so that it is one task however often it is submitted.
TaskSpec RunSpec(const ScheduleRecord& schedule, absl::Time instant);

// NOT_FOUND, reason SCHEDULE_UNKNOWN.
absl::Status ScheduleUnknownError(absl::string_view id);

}  // namespace taskforge

#endif  // TASKFORGE_SCHEDULES_SCHEDULE_H_

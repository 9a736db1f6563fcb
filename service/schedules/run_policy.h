// What becomes of the instants of a schedule that have come: a pure function.
#ifndef TASKFORGE_SCHEDULES_RUN_POLICY_H_
#define TASKFORGE_SCHEDULES_RUN_POLICY_H_

#include <cstddef>

#include "absl/time/time.h"
#include "schedules/recurrence.h"
#include "schedules/schedule.h"

namespace taskforge {

// An instant is missed when it lies further back than this, and has no run yet.
constexpr absl::Duration OnTime() { return absl::Minutes(1); }
// Of instants that were missed in a row no more are counted.
inline constexpr size_t kMostMissed = 1000;

struct RunDecision {
  enum class Kind : uint8_t {
    kNothing,  // Until `wake`.
    kNote,     // `runs` is to be noted.
    kStart,  // The run of `instant` is to be submitted; `runs` is to be noted once it is accepted.
  };
  Kind kind = Kind::kNothing;
  absl::Time wake = absl::InfiniteFuture();
  absl::Time instant = absl::InfinitePast();
  ScheduleRuns runs;
};

// Decides at `now` on what the schedule has not decided yet. `has_running`: the task of an earlier
// instant has not ended. Of several that came since, the last may run; those before it are missed,
// and so is the last, if it is not on time and the policy is to skip.
// REQUIRES: it is not paused.
RunDecision DecideRun(const ScheduleRecord& schedule, const Recurrence& recurrence,
                      const ScheduleRuns& runs, bool has_running, absl::Time now);

}  // namespace taskforge

#endif  // TASKFORGE_SCHEDULES_RUN_POLICY_H_

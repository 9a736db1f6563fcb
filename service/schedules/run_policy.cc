#include "schedules/run_policy.h"

#include <algorithm>
#include <utility>

namespace taskforge {
namespace {

constexpr absl::Time kNone = absl::InfinitePast();

RunDecision Start(absl::Time instant, ScheduleRuns runs, absl::Time now) {
  RunDecision decision;
  decision.kind = RunDecision::Kind::kStart;
  decision.instant = instant;
  runs.last_instant = instant;
  runs.last_run_time = now;
  ++runs.started;
  decision.runs = std::move(runs);
  return decision;
}

RunDecision Note(ScheduleRuns runs) {
  RunDecision decision;
  decision.kind = RunDecision::Kind::kNote;
  decision.runs = std::move(runs);
  return decision;
}

}  // namespace

RunDecision DecideRun(const ScheduleRecord& schedule, const Recurrence& recurrence,
                      const ScheduleRuns& runs, bool has_running, absl::Time now) {
  ScheduleRuns next = runs;
  if (runs.waiting != kNone && !has_running) {
    next.waiting = kNone;
    return Start(runs.waiting, std::move(next), now);
  }
  const absl::Time since = std::max(schedule.effective_from, runs.decided_until);
  const absl::Time last = now > since ? recurrence.LastIn(since, now) : kNone;
  if (last == kNone) {
    RunDecision decision;
    decision.wake = recurrence.NextAfter(since);
    return decision;
  }
  next.decided_until = last;
  next.missed += recurrence.CountIn(since, last, kMostMissed) - 1;
  const bool is_late = now - last > OnTime();
  if (is_late && schedule.settings.missed == MissedRunPolicy::kSkip) {
    ++next.missed;
    return Note(std::move(next));
  }
  const bool is_overlapping = has_running || runs.waiting != kNone;
  if (!is_overlapping || schedule.settings.overlap == OverlapPolicy::kAllow) {
    return Start(last, std::move(next), now);
  }
  if (schedule.settings.overlap == OverlapPolicy::kQueueOne && runs.waiting == kNone) {
    next.waiting = last;
  } else {
    ++next.skipped;
  }
  return Note(std::move(next));
}

}  // namespace taskforge

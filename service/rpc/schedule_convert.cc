#include "rpc/schedule_convert.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rpc/names.h"

namespace taskforge {
namespace {

constexpr size_t kNextRuns = 5;

void ToProto(const ScheduleAct& act, v1::ScheduleAct& out) {
  taskforge::ToProto(act.time, *out.mutable_time());
  out.set_reason(act.reason);
}

bool IsEver(absl::Time time) { return time != absl::InfinitePast(); }

// Each field that only the server sets is a violation.
void CheckOutputs(const v1::Schedule& schedule, Violations& violations) {
  const auto refuse = [&](bool is_set, absl::string_view field) {
    if (is_set)
      violations.Add(absl::StrCat("schedule.", field), "only the server sets it: leave it out");
  };
  refuse(!schedule.uid().empty(), "uid");
  refuse(schedule.next_run_times_size() > 0, "next_run_times");
  refuse(schedule.has_last_run_time(), "last_run_time");
  refuse(!schedule.last_task().empty(), "last_task");
  refuse(schedule.has_waiting_run_time(), "waiting_run_time");
  refuse(schedule.started_runs() != 0, "started_runs");
  refuse(schedule.skipped_runs() != 0, "skipped_runs");
  refuse(schedule.missed_runs() != 0, "missed_runs");
  refuse(schedule.has_last_refusal(), "last_refusal");
  refuse(schedule.has_last_pause(), "last_pause");
  refuse(schedule.has_last_resume(), "last_resume");
  refuse(schedule.has_create_time(), "create_time");
  refuse(schedule.has_update_time(), "update_time");
  refuse(schedule.effective_durability() != v1::DURABILITY_UNSPECIFIED, "effective_durability");
  if (schedule.state() != v1::SCHEDULE_STATE_UNSPECIFIED) {
    violations.Add("schedule.state", "pause and resume it by PauseSchedule and ResumeSchedule");
  }
}

OverlapPolicy OverlapFrom(v1::OverlapPolicy policy, Violations& violations) {
  switch (policy) {
    case v1::OVERLAP_POLICY_UNSPECIFIED:
    case v1::OVERLAP_POLICY_SKIP:
      return OverlapPolicy::kSkip;
    case v1::OVERLAP_POLICY_QUEUE_ONE:
      return OverlapPolicy::kQueueOne;
    case v1::OVERLAP_POLICY_ALLOW:
      return OverlapPolicy::kAllow;
    default:
      violations.Add("schedule.overlap_policy",
                     absl::StrCat("unknown value ", static_cast<int>(policy)));
      return OverlapPolicy::kSkip;
  }
}

MissedRunPolicy MissedFrom(v1::MissedRunPolicy policy, Violations& violations) {
  switch (policy) {
    case v1::MISSED_RUN_POLICY_UNSPECIFIED:
    case v1::MISSED_RUN_POLICY_SKIP:
      return MissedRunPolicy::kSkip;
    case v1::MISSED_RUN_POLICY_RUN_ONCE:
      return MissedRunPolicy::kRunOnce;
    default:
      violations.Add("schedule.missed_run_policy",
                     absl::StrCat("unknown value ", static_cast<int>(policy)));
      return MissedRunPolicy::kSkip;
  }
}

std::string QueueFrom(const v1::Schedule& schedule, Violations& violations) {
  const std::optional<QueueParent> parent = ParseQueueParent(schedule.queue());
  if (parent.has_value() && parent->ns == kDefaultNamespace) return parent->queue;
  violations.Add("schedule.queue", "want queues/{queue} with a queue of [a-z][a-z0-9_-]{0,62}");
  return kDefaultQueue;
}

TaskSpec TaskFrom(const v1::Schedule& schedule, Priority default_priority, Violations& violations) {
  if (!schedule.has_task()) violations.Add("schedule.task", "required");
  return SpecFromProto(schedule.task(), default_priority, "schedule.task", violations);
}

bool HasPriority(const v1::Schedule& schedule) {
  return schedule.task().priority() != v1::PRIORITY_UNSPECIFIED;
}

absl::Duration IntervalFrom(const v1::Schedule& schedule, Violations& violations) {
  return DurationFromProto(schedule.interval(), "schedule.interval", violations)
      .value_or(absl::Seconds(1));
}

}  // namespace

ScheduleSettings SettingsFrom(const v1::Schedule& schedule, Priority default_priority,
                              Violations& violations) {
  CheckOutputs(schedule, violations);
  ScheduleSettings settings;
  settings.id = std::string(StripCollection(schedule.name(), "schedules"));
  settings.cron = schedule.cron();
  if (schedule.has_interval()) settings.interval = IntervalFrom(schedule, violations);
  settings.time_zone = schedule.time_zone();
  settings.overlap = OverlapFrom(schedule.overlap_policy(), violations);
  settings.missed = MissedFrom(schedule.missed_run_policy(), violations);
  settings.task = TaskFrom(schedule, default_priority, violations);
  settings.has_priority = HasPriority(schedule);
  settings.has_retry_policy = schedule.task().has_retry_policy();
  settings.task.queue = QueueFrom(schedule, violations);
  return settings;
}

ScheduleUpdate UpdateFrom(const v1::UpdateScheduleRequest& request, Priority default_priority,
                          Violations& violations) {
  const v1::Schedule& schedule = request.schedule();
  ScheduleUpdate update;
  if (request.update_mask().paths().empty()) {
    violations.Add("update_mask", "required: which fields to change, for example cron");
  }
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "cron") {
      update.cron = schedule.cron();
    } else if (path == "interval") {
      update.interval = IntervalFrom(schedule, violations);
    } else if (path == "time_zone") {
      update.time_zone = schedule.time_zone();
    } else if (path == "overlap_policy") {
      update.overlap = OverlapFrom(schedule.overlap_policy(), violations);
    } else if (path == "missed_run_policy") {
      update.missed = MissedFrom(schedule.missed_run_policy(), violations);
    } else if (path == "queue") {
      update.queue = QueueFrom(schedule, violations);
    } else if (path == "task") {
      update.task = TaskFrom(schedule, default_priority, violations);
      update.has_priority = HasPriority(schedule);
      update.has_retry_policy = schedule.task().has_retry_policy();
    } else {
      violations.Add("update_mask",
                     absl::StrCat("unknown field \"", path,
                                  "\"; want cron, interval, time_zone, overlap_policy, "
                                  "missed_run_policy, queue or task"));
    }
  }
  return update;
}

void ToProto(const ScheduleView& view, absl::Time now, v1::Schedule& out, TaskParts parts) {
  const ScheduleRecord& record = *view.record;
  const ScheduleSettings& settings = record.settings;
  const ScheduleRuns& runs = view.runs;
  out.set_name(absl::StrCat("schedules/", settings.id));
  if (settings.cron.empty()) {
    ToProto(settings.interval, *out.mutable_interval());
  } else {
    out.set_cron(settings.cron);
  }
  out.set_time_zone(settings.time_zone);
  out.set_overlap_policy(static_cast<v1::OverlapPolicy>(static_cast<int>(settings.overlap) + 1));
  out.set_missed_run_policy(
      static_cast<v1::MissedRunPolicy>(static_cast<int>(settings.missed) + 1));
  out.set_queue(absl::StrCat("queues/", absl::string_view(settings.task.queue)));
  ToProto(settings.task, *out.mutable_task(), parts);
  if (!settings.has_priority) out.mutable_task()->clear_priority();
  out.set_uid(record.uid.ToString());
  out.set_state(record.is_paused ? v1::SCHEDULE_STATE_PAUSED : v1::SCHEDULE_STATE_ACTIVE);
  for (const absl::Time time : NextRunTimes(view, now, kNextRuns)) {
    ToProto(time, *out.add_next_run_times());
  }
  if (IsEver(runs.last_run_time)) ToProto(runs.last_run_time, *out.mutable_last_run_time());
  out.set_last_task(runs.last_task);
  if (IsEver(runs.waiting)) ToProto(runs.waiting, *out.mutable_waiting_run_time());
  out.set_started_runs(runs.started);
  out.set_skipped_runs(runs.skipped);
  out.set_missed_runs(runs.missed);
  if (view.refusal.has_value()) {
    ToProto(view.refusal->time, *out.mutable_last_refusal()->mutable_time());
    out.mutable_last_refusal()->set_message(view.refusal->message);
  }
  if (IsEver(record.paused.time)) ToProto(record.paused, *out.mutable_last_pause());
  if (IsEver(record.resumed.time)) ToProto(record.resumed, *out.mutable_last_resume());
  ToProto(record.create_time, *out.mutable_create_time());
  ToProto(record.update_time, *out.mutable_update_time());
}

static_assert(static_cast<int>(OverlapPolicy::kAllow) + 1 == v1::OVERLAP_POLICY_ALLOW);
static_assert(static_cast<int>(MissedRunPolicy::kRunOnce) + 1 == v1::MISSED_RUN_POLICY_RUN_ONCE);

std::vector<FieldViolation> OfSchedule(std::vector<FieldViolation> violations) {
  for (FieldViolation& violation : violations) violation.field.insert(0, "schedule.");
  return violations;
}

absl::Status InTermsOfSchedule(const absl::Status& status) {
  if (!absl::IsInvalidArgument(status)) return status;
  ErrorDetails details = DetailsOf(status);
  if (details.field_violations.empty()) return status;
  return InvalidArgument(OfSchedule(std::move(details.field_violations)));
}

}  // namespace taskforge

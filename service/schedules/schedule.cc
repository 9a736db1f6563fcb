#include "schedules/schedule.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace taskforge {
namespace {

constexpr absl::Duration kMinInterval = absl::Seconds(1);

void CheckRecurrence(const ScheduleSettings& settings, std::vector<FieldViolation>& violations) {
  const bool has_interval = settings.interval != absl::ZeroDuration();
  if (settings.cron.empty() == !has_interval) {
    violations.push_back({"cron", "want either cron or interval"});
    return;
  }
  if (has_interval) {
    const absl::Duration most = TaskRanges::MaxAhead();
    if (settings.interval < kMinInterval || settings.interval > most ||
        absl::Floor(settings.interval, absl::Seconds(1)) != settings.interval) {
      violations.push_back({"interval", absl::StrCat("is ", absl::FormatDuration(settings.interval),
                                                     "; want whole seconds, 1s to 366 days")});
    }
    if (!settings.time_zone.empty()) {
      violations.push_back({"time_zone", "an interval has none: leave it out"});
    }
    return;
  }
  const absl::StatusOr<CronExpression> cron = CronExpression::Parse(settings.cron);
  if (!cron.ok()) violations.push_back({"cron", std::string(cron.status().message())});
  const absl::StatusOr<absl::TimeZone> zone = FindTimeZone(settings.time_zone);
  if (!zone.ok()) violations.push_back({"time_zone", std::string(zone.status().message())});
}

// What of a task a schedule decides.
void CheckTaskIsTemplate(const TaskSpec& task, std::vector<FieldViolation>& violations) {
  if (task.terms->schedule_time != absl::InfinitePast()) {
    violations.push_back({"task.schedule_time", "follows from the schedule: leave it out"});
  }
  if (task.terms->deadline != absl::InfiniteFuture()) {
    violations.push_back({"task.deadline",
                          "is one time for all runs: leave it out; queue_timeout counts from each "
                          "run's instant"});
  }
  if (task.cancel_on_disconnect) {
    violations.push_back({"task.cancel_on_disconnect", "no call waits for a run: leave it out"});
  }
}

}  // namespace

bool IsScheduleId(absl::string_view id) {
  return id.size() <= kMaxScheduleIdBytes && IsQueueName(id);
}

std::vector<FieldViolation> ValidateScheduleReason(absl::string_view reason) {
  if (reason.size() > kMaxScheduleReasonBytes) {
    return {{"reason", absl::StrCat(reason.size(), " bytes; at most ", kMaxScheduleReasonBytes)}};
  }
  if (!IsUtf8(reason)) return {{"reason", "not UTF-8"}};
  return {};
}

std::vector<FieldViolation> ScheduleSettings::Validate(const TaskLimits& limits,
                                                       absl::Time now) const {
  std::vector<FieldViolation> violations;
  if (!IsScheduleId(id)) {
    violations.push_back(
        {"name", absl::StrCat("\"", id, "\" is not a schedule's name: [a-z][a-z0-9_-]{0,44}")});
  }
  CheckRecurrence(*this, violations);
  CheckTaskIsTemplate(task, violations);
  TaskSpec spec = task;
  spec.terms.Edit().schedule_time = absl::InfinitePast();  // Told above.
  spec.terms.Edit().deadline = absl::InfiniteFuture();
  for (FieldViolation& violation : ValidateAndComplete(spec, TaskDefaults(), limits, now)) {
    if (violation.field == "parent") violation.field = "queue";
    violations.push_back(std::move(violation));
  }
  return violations;
}

absl::StatusOr<Recurrence> ScheduleSettings::MakeRecurrence(absl::Time anchor) const {
  if (cron.empty()) return Recurrence::Interval(interval, anchor);
  const absl::StatusOr<CronExpression> parsed = CronExpression::Parse(cron);
  if (!parsed.ok()) return parsed.status();
  const absl::StatusOr<absl::TimeZone> zone = FindTimeZone(time_zone);
  if (!zone.ok()) return zone.status();
  return Recurrence::Cron(*parsed, *zone);
}

void ScheduleUpdate::ApplyTo(ScheduleSettings& settings) const {
  if (cron.has_value()) {
    settings.cron = *cron;
    if (!interval.has_value()) settings.interval = absl::ZeroDuration();
  }
  if (interval.has_value()) {
    settings.interval = *interval;
    if (!cron.has_value()) settings.cron.clear();
    if (!cron.has_value() && !time_zone.has_value()) settings.time_zone.clear();
  }
  if (time_zone.has_value()) settings.time_zone = *time_zone;
  if (overlap.has_value()) settings.overlap = *overlap;
  if (missed.has_value()) settings.missed = *missed;
  if (task.has_value()) {
    SharedText kept_queue = settings.task.queue;
    settings.task = *task;
    settings.task.queue = std::move(kept_queue);
    settings.has_priority = has_priority;
    settings.has_retry_policy = has_retry_policy;
    if (!principal.empty()) settings.task.origin.Edit().principal = principal;
  }
  if (queue.has_value()) settings.task.queue = *queue;
}

TaskSpec RunSpec(const ScheduleRecord& schedule, absl::Time instant) {
  TaskSpec spec = schedule.settings.task;
  TaskOrigin& origin = spec.origin.Edit();
  origin.task_id = absl::StrCat(schedule.settings.id, "-",
                                absl::FormatTime("%Y%m%dt%H%M%Sz", instant, absl::UTCTimeZone()));
  origin.request_id =
      absl::StrCat("schedule/", schedule.uid.ToString(), "/", absl::ToUnixSeconds(instant));
  return spec;
}

absl::Status ScheduleUnknownError(absl::string_view id) {
  ErrorDetails details;
  details.reason = "SCHEDULE_UNKNOWN";
  details.metadata["schedule"] = std::string(id);
  return WithDetails(
      absl::NotFoundError(absl::StrCat("there is no schedule \"", id,
                                       "\": ListSchedules shows all that there are")),
      details);
}

}  // namespace taskforge

#include "schedules/schedule_codec.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "store/record_codec.h"
#include "stored_schedule.pb.h"

namespace taskforge {
namespace {

using store::StoredSchedule;
using store::StoredScheduleAct;
using store::StoredScheduleRuns;

constexpr char kSettingsKeys[] = "schedule/";
constexpr char kRunsKeys[] = "schedule_runs/";

absl::Status Corrupt() { return absl::DataLossError("the store holds a damaged schedule"); }

int64_t Stored(absl::Time time) { return absl::ToUnixNanos(time); }

// Sets an optional field of a message unless it is never.
template <typename Message>
void SetIfEver(absl::Time time, Message& message, void (Message::*set)(int64_t)) {
  if (time != absl::InfinitePast()) (message.*set)(Stored(time));
}

absl::Time TimeOrNever(bool has, int64_t ns) {
  return has ? absl::FromUnixNanos(ns) : absl::InfinitePast();
}

void Encode(const ScheduleAct& act, StoredScheduleAct& out) {
  SetIfEver(act.time, out, &StoredScheduleAct::set_time);
  out.set_reason(act.reason);
}

ScheduleAct Decode(const StoredScheduleAct& stored) {
  return {TimeOrNever(stored.has_time(), stored.time()), stored.reason()};
}

// As the spec of a record, whose form on disk the store knows.
std::string EncodeTask(const TaskSpec& task) {
  TaskRecord record;
  record.spec = MakeRef<TaskSpec>(task);
  return EncodeRecord(record);
}

}  // namespace

std::string ScheduleKey(absl::string_view id) { return absl::StrCat(kSettingsKeys, id); }
std::string ScheduleRunsKey(absl::string_view id) { return absl::StrCat(kRunsKeys, id); }
absl::string_view IdOfScheduleKey(absl::string_view key) {
  return absl::ConsumePrefix(&key, kSettingsKeys) ? key : absl::string_view();
}
absl::string_view IdOfScheduleRunsKey(absl::string_view key) {
  return absl::ConsumePrefix(&key, kRunsKeys) ? key : absl::string_view();
}

std::string EncodeSchedule(const ScheduleRecord& schedule) {
  const ScheduleSettings& settings = schedule.settings;
  StoredSchedule out;
  out.set_id(settings.id);
  out.set_uid_high(schedule.uid.high);
  out.set_uid_low(schedule.uid.low);
  out.set_cron(settings.cron);
  out.set_interval_ns(absl::ToInt64Nanoseconds(settings.interval));
  out.set_time_zone(settings.time_zone);
  out.set_overlap_policy(static_cast<int>(settings.overlap));
  out.set_missed_run_policy(static_cast<int>(settings.missed));
  out.set_task(EncodeTask(settings.task));
  out.set_has_priority(settings.has_priority);
  out.set_has_retry_policy(settings.has_retry_policy);
  out.set_create_time(Stored(schedule.create_time));
  out.set_update_time(Stored(schedule.update_time));
  out.set_effective_from(Stored(schedule.effective_from));
  out.set_anchor(Stored(schedule.anchor));
  out.set_paused(schedule.is_paused);
  Encode(schedule.paused, *out.mutable_last_pause());
  Encode(schedule.resumed, *out.mutable_last_resume());
  return out.SerializeAsString();
}

absl::StatusOr<ScheduleRecord> DecodeSchedule(absl::string_view bytes) {
  StoredSchedule stored;
  if (!stored.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return Corrupt();
  const absl::StatusOr<Ref<TaskRecord>> task = DecodeRecord(stored.task());
  const int overlap = stored.overlap_policy();
  const int missed = stored.missed_run_policy();
  if (!task.ok() || !IsScheduleId(stored.id()) || overlap < 0 ||
      overlap > static_cast<int>(OverlapPolicy::kAllow) || missed < 0 ||
      missed > static_cast<int>(MissedRunPolicy::kRunOnce)) {
    return Corrupt();
  }
  ScheduleRecord schedule;
  ScheduleSettings& settings = schedule.settings;
  settings.id = stored.id();
  settings.cron = stored.cron();
  settings.interval = absl::Nanoseconds(stored.interval_ns());
  settings.time_zone = stored.time_zone();
  settings.overlap = static_cast<OverlapPolicy>(overlap);
  settings.missed = static_cast<MissedRunPolicy>(missed);
  settings.task = *(*task)->spec;
  settings.has_priority = stored.has_priority();
  settings.has_retry_policy = stored.has_retry_policy();
  schedule.uid = {stored.uid_high(), stored.uid_low()};
  schedule.create_time = absl::FromUnixNanos(stored.create_time());
  schedule.update_time = absl::FromUnixNanos(stored.update_time());
  schedule.effective_from = absl::FromUnixNanos(stored.effective_from());
  schedule.anchor = absl::FromUnixNanos(stored.anchor());
  schedule.is_paused = stored.paused();
  schedule.paused = Decode(stored.last_pause());
  schedule.resumed = Decode(stored.last_resume());
  return schedule;
}

std::string EncodeScheduleRuns(const Uuid& uid, const ScheduleRuns& runs) {
  StoredScheduleRuns out;
  out.set_uid_high(uid.high);
  out.set_uid_low(uid.low);
  SetIfEver(runs.decided_until, out, &StoredScheduleRuns::set_decided_until);
  SetIfEver(runs.waiting, out, &StoredScheduleRuns::set_waiting_instant);
  SetIfEver(runs.last_run_time, out, &StoredScheduleRuns::set_last_run_time);
  SetIfEver(runs.last_instant, out, &StoredScheduleRuns::set_last_instant);
  out.set_last_task(runs.last_task);
  out.set_started(runs.started);
  out.set_skipped(runs.skipped);
  out.set_missed(runs.missed);
  return out.SerializeAsString();
}

absl::StatusOr<KeptScheduleRuns> DecodeScheduleRuns(absl::string_view bytes) {
  StoredScheduleRuns stored;
  if (!stored.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return Corrupt();
  ScheduleRuns runs;
  runs.decided_until = TimeOrNever(stored.has_decided_until(), stored.decided_until());
  runs.waiting = TimeOrNever(stored.has_waiting_instant(), stored.waiting_instant());
  runs.last_run_time = TimeOrNever(stored.has_last_run_time(), stored.last_run_time());
  runs.last_instant = TimeOrNever(stored.has_last_instant(), stored.last_instant());
  runs.last_task = stored.last_task();
  runs.started = stored.started();
  runs.skipped = stored.skipped();
  runs.missed = stored.missed();
  return KeptScheduleRuns{{stored.uid_high(), stored.uid_low()}, std::move(runs)};
}

}  // namespace taskforge

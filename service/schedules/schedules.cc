#include "schedules/schedules.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "schedules/schedule_codec.h"

namespace taskforge {
namespace {

absl::Status ExistsError(absl::string_view id) {
  return ReasonError(absl::StatusCode::kAlreadyExists, "SCHEDULE_EXISTS",
                     absl::StrCat("there is a schedule \"", id,
                                  "\" already: change it by UpdateSchedule, or delete it first"));
}

absl::Status ChangingError(absl::string_view id) {
  return ReasonError(
      absl::StatusCode::kAborted, "SCHEDULE_CHANGING",
      absl::StrCat("another change of the schedule \"", id, "\" is being written: try again"));
}

absl::Status TooManyError(absl::string_view have) {
  ErrorDetails details;
  details.reason = "TOO_MANY_SCHEDULES";
  details.quota_violations.push_back({"schedules", std::string(have)});
  return WithDetails(absl::ResourceExhaustedError(absl::StrCat(
                         "no room for another schedule: ", have,
                         ", the most that there may be: delete one, or have tasks refer to what "
                         "is large")),
                     details);
}

// A crash may come between the acceptance of a run and its note: so many instants after the last
// that was noted are looked at. Those of a downtime have no task.
constexpr int kUnnotedLookedFor = 64;

// Of one that is valid no more, because the time zones of this machine are others: it is paused, in
// this life of the server, and says why. What stands in for its recurrence is never asked.
absl::StatusOr<Recurrence> StandStill(ScheduleRecord& record, const absl::Status& why) {
  ScheduleSettings in_utc = record.settings;
  in_utc.time_zone.clear();
  record.is_paused = true;
  record.paused.reason = absl::StrCat("cannot recur on this machine: ", why.message());
  return in_utc.MakeRecurrence(record.anchor);
}

absl::Time NowInSeconds(const Clock& clock) {
  return absl::FromUnixSeconds(absl::ToUnixSeconds(clock.Now()));
}

}  // namespace

std::vector<absl::Time> NextRunTimes(const ScheduleView& schedule, absl::Time now, size_t count) {
  std::vector<absl::Time> times;
  const ScheduleRecord& record = *schedule.record;
  const absl::StatusOr<Recurrence> recurrence = record.settings.MakeRecurrence(record.anchor);
  if (record.is_paused || !recurrence.ok()) return times;
  absl::Time time = std::max({now, record.effective_from, schedule.runs.decided_until});
  while (times.size() < count) {
    time = recurrence->NextAfter(time);
    times.push_back(time);
  }
  return times;
}

Schedules::Schedules(const TaskLimits& limits, const Parts& parts)
    : limits_(limits), parts_(parts) {}

absl::Status Schedules::Load(absl::Span<const Setting> settings) {
  MutexLock lock(mu_);
  for (const Setting& setting : settings) {
    if (IdOfScheduleKey(setting.key).empty()) continue;
    absl::StatusOr<ScheduleRecord> decoded = DecodeSchedule(setting.value);
    if (!decoded.ok()) return decoded.status();
    absl::StatusOr<Recurrence> recurrence = decoded->settings.MakeRecurrence(decoded->anchor);
    if (!recurrence.ok()) recurrence = StandStill(*decoded, recurrence.status());
    if (!recurrence.ok()) {
      return absl::Status(
          recurrence.status().code(),
          absl::StrCat("schedule \"", decoded->settings.id, "\": ", recurrence.status().message()));
    }
    const auto record = std::make_shared<const ScheduleRecord>(*std::move(decoded));
    Entry entry{record, *std::move(recurrence), {}, {}, /*is_new=*/false};
    bytes_ += CostBytes(record->settings.task);
    entries_.emplace(record->settings.id, std::move(entry));
  }
  for (const Setting& setting : settings) {
    const auto it = entries_.find(IdOfScheduleRunsKey(setting.key));
    if (it == entries_.end()) continue;
    absl::StatusOr<KeptScheduleRuns> kept = DecodeScheduleRuns(setting.value);
    if (!kept.ok()) return kept.status();
    if (kept->uid == it->second.record->uid) it->second.runs = std::move(kept->runs);
  }
  return absl::OkStatus();
}

void Schedules::Start() {
  struct Last {
    std::string id;
    Uuid uid;
    std::string task;
  };
  std::vector<Last> lasts;
  {
    MutexLock lock(mu_);
    is_running_ = true;
    for (auto& [id, entry] : entries_) {
      if (!entry.runs.last_task.empty()) {
        lasts.push_back({id, entry.record->uid, entry.runs.last_task});
      }
    }
  }
  TakeOverUnnoted();
  for (const Last& last : lasts) {
    const TaskRef task = parts_.tasks.FindLive(last.task);
    if (!task) continue;
    {
      MutexLock lock(mu_);
      if (Entry* entry = Find(last.id, last.uid)) ++entry->running;
    }
    task->OnFinished(
        [this, id = last.id, uid = last.uid](const TaskRecordPtr&) { Ended(id, uid); });
  }
  {
    MutexLock lock(mu_);
    for (auto& [id, entry] : entries_) WakeAt(entry, absl::InfinitePast());
  }
  Tick();
}

void Schedules::TakeOverUnnoted() {
  struct Found {
    std::string id;
    Uuid uid;
    TaskRef task;
  };
  std::vector<Found> found;
  {
    MutexLock lock(mu_);
    for (auto& [id, entry] : entries_) {
      if (entry.record->is_paused) continue;
      const absl::Time now = parts_.clock.Now();
      absl::Time at = std::max(entry.record->effective_from, entry.runs.decided_until);
      for (int i = 0; i < kUnnotedLookedFor; ++i) {
        at = entry.recurrence.NextAfter(at);
        if (at > now) break;
        const TaskSpec run = RunSpec(*entry.record, at);
        TaskRef task = parts_.tasks.FindLive(TaskName(run.queue, run.origin->task_id));
        if (!task) continue;
        // As it would have been noted.
        ScheduleRuns& runs = entry.runs;
        runs.missed +=
            entry.recurrence.CountIn(std::max(entry.record->effective_from, runs.decided_until), at,
                                     kUnnotedLookedFor) -
            1;
        runs.decided_until = at;
        runs.last_instant = at;
        runs.last_run_time = task->accepted_record()->create_time;
        runs.last_task = task->name();
        ++runs.started;
        ++entry.running;
        found.push_back({id, entry.record->uid, std::move(task)});
      }
    }
  }
  for (const Found& each : found) {
    each.task->OnFinished(
        [this, id = each.id, uid = each.uid](const TaskRecordPtr&) { Ended(id, uid); });
  }
}

void Schedules::Stop() {
  MutexLock lock(mu_);
  is_running_ = false;
}

absl::Status Schedules::CheckCount() const {
  if (entries_.size() < kMaxSchedules) return absl::OkStatus();
  return TooManyError(absl::StrCat(kMaxSchedules, " of ", kMaxSchedules, " schedules"));
}

absl::Status Schedules::CheckBytes(const TaskSpec& task, size_t instead_of) const {
  const size_t bytes = CostBytes(task);
  if (bytes <= instead_of || bytes_ - instead_of + bytes <= kMaxScheduleBytes) {
    return absl::OkStatus();
  }
  return TooManyError(
      absl::StrCat(bytes_, " of ", kMaxScheduleBytes, " bytes of schedules' tasks"));
}

void Schedules::Create(ScheduleSettings settings, ViewCallback done) {
  const absl::Time now = parts_.clock.Now();
  std::vector<FieldViolation> violations = settings.Validate(limits_, now);
  absl::Status status =
      violations.empty() ? absl::OkStatus() : InvalidArgument(std::move(violations));
  if (status.ok()) status = CheckDurability(settings.task, limits_);
  if (status.ok()) status = parts_.tasks.Check(settings.task);
  if (!status.ok()) return std::move(done)(status);
  auto made = std::make_shared<ScheduleRecord>();
  made->settings = std::move(settings);
  made->uid = parts_.uuids.Next(now);
  made->create_time = made->update_time = made->effective_from = now;
  made->anchor = NowInSeconds(parts_.clock);
  const ScheduleRecordPtr record = std::move(made);
  absl::StatusOr<Recurrence> recurrence = record->settings.MakeRecurrence(record->anchor);
  if (!recurrence.ok()) return std::move(done)(recurrence.status());
  const std::string& id = record->settings.id;
  {
    MutexLock lock(mu_);
    status = entries_.contains(id) ? ExistsError(id) : CheckCount();
    if (status.ok()) status = CheckBytes(record->settings.task, 0);
    if (status.ok()) {
      bytes_ += CostBytes(record->settings.task);
      entries_.emplace(id, Entry{record, *std::move(recurrence), {}, {}});
    }
  }
  if (!status.ok()) return std::move(done)(status);
  parts_.store.Write({{ScheduleKey(id), EncodeSchedule(*record)}},
                     [this, record, done = std::move(done)](const absl::Status& written) mutable {
                       Created(record, written, std::move(done));
                     });
}

void Schedules::Created(const ScheduleRecordPtr& record, const absl::Status& status,
                        ViewCallback done) {
  absl::StatusOr<ScheduleView> view;
  {
    MutexLock lock(mu_);
    const auto it = entries_.find(record->settings.id);
    if (status.ok()) {
      it->second.is_new = false;
      WakeAt(it->second, parts_.clock.Now());
      view = ViewOf(it->second);
    } else {
      bytes_ -= CostBytes(record->settings.task);
      entries_.erase(it);
      view = status;
    }
  }
  std::move(done)(std::move(view));
  Tick();
}

void Schedules::Update(absl::string_view id, const ScheduleUpdate& update, ViewCallback done) {
  const absl::Time now = parts_.clock.Now();
  ChangeBy(
      id,
      [this, now, update](ScheduleRecord& next) {
        update.ApplyTo(next.settings);
        std::vector<FieldViolation> violations = next.settings.Validate(limits_, now);
        if (!violations.empty()) return InvalidArgument(std::move(violations));
        absl::Status status = CheckDurability(next.settings.task, limits_);
        if (status.ok()) status = parts_.tasks.Check(next.settings.task);
        if (update.changes_recurrence()) {
          next.effective_from = now;
          next.anchor = NowInSeconds(parts_.clock);
        }
        return status;
      },
      std::move(done));
}

void Schedules::Pause(absl::string_view id, absl::string_view reason, ViewCallback done) {
  ChangeBy(
      id,
      [now = parts_.clock.Now(), reason = std::string(reason)](ScheduleRecord& next) {
        std::vector<FieldViolation> violations = ValidateScheduleReason(reason);
        if (!violations.empty()) return InvalidArgument(std::move(violations));
        next.is_paused = true;
        next.paused = {now, reason};
        return absl::OkStatus();
      },
      std::move(done));
}

void Schedules::Resume(absl::string_view id, absl::string_view reason, ViewCallback done) {
  ChangeBy(
      id,
      [now = parts_.clock.Now(), reason = std::string(reason)](ScheduleRecord& next) {
        std::vector<FieldViolation> violations = ValidateScheduleReason(reason);
        if (!violations.empty()) return InvalidArgument(std::move(violations));
        const absl::Status can_recur = next.settings.MakeRecurrence(next.anchor).status();
        if (!can_recur.ok()) return can_recur;
        if (next.is_paused) next.effective_from = now;
        next.is_paused = false;
        next.resumed = {now, reason};
        return absl::OkStatus();
      },
      std::move(done));
}

void Schedules::ChangeBy(absl::string_view id, Change change, ViewCallback done) {
  ScheduleRecordPtr before;
  absl::Status status;
  {
    MutexLock lock(mu_);
    Entry* const entry = Find(id);
    if (entry == nullptr) {
      status = ScheduleUnknownError(id);
    } else if (entry->is_changing) {
      status = ChangingError(id);
    } else {
      entry->is_changing = true;
      before = entry->record;
    }
  }
  if (!status.ok()) return std::move(done)(status);
  auto next = std::make_shared<ScheduleRecord>(*before);
  next->update_time = parts_.clock.Now();
  status = std::move(change)(*next);
  if (status.ok()) {
    MutexLock lock(mu_);
    status = CheckBytes(next->settings.task, CostBytes(before->settings.task));
  }
  if (!status.ok()) return Changed(before, status, std::move(done));
  parts_.store.Write(
      {{ScheduleKey(id), EncodeSchedule(*next)}},
      [this, record = ScheduleRecordPtr(next), done = std::move(done)](
          const absl::Status& written) mutable { Changed(record, written, std::move(done)); });
}

void Schedules::Changed(const ScheduleRecordPtr& record, const absl::Status& status,
                        ViewCallback done) {
  absl::StatusOr<ScheduleView> view;
  {
    MutexLock lock(mu_);
    Entry& entry = entries_.find(record->settings.id)->second;
    entry.is_changing = false;
    if (status.ok()) {
      bytes_ += CostBytes(record->settings.task);
      bytes_ -= CostBytes(entry.record->settings.task);
      entry.record = record;
      // It was validated, but for one that stands still.
      absl::StatusOr<Recurrence> recurrence = record->settings.MakeRecurrence(record->anchor);
      if (recurrence.ok()) entry.recurrence = *std::move(recurrence);
      entry.retry_at = absl::InfinitePast();
      if (!entry.is_deciding) WakeAt(entry, parts_.clock.Now());
      view = ViewOf(entry);
    } else {
      view = status;
    }
  }
  std::move(done)(std::move(view));
  Tick();
}

void Schedules::Delete(absl::string_view id, StatusCallback done) {
  ScheduleRecordPtr record;
  absl::Status status;
  {
    MutexLock lock(mu_);
    Entry* const entry = Find(id);
    if (entry == nullptr) {
      status = ScheduleUnknownError(id);
    } else if (entry->is_changing) {
      status = ChangingError(id);
    } else {
      entry->is_changing = true;
      record = entry->record;
    }
  }
  if (!status.ok()) return std::move(done)(status);
  parts_.store.Write({{ScheduleKey(id), ""}, {ScheduleRunsKey(id), ""}},
                     [this, record, done = std::move(done)](const absl::Status& written) mutable {
                       Deleted(record, written, std::move(done));
                     });
}

void Schedules::Deleted(const ScheduleRecordPtr& record, const absl::Status& status,
                        StatusCallback done) {
  {
    MutexLock lock(mu_);
    const auto it = entries_.find(record->settings.id);
    it->second.is_changing = false;
    if (status.ok()) {
      WakeAt(it->second, absl::InfiniteFuture());
      bytes_ -= CostBytes(record->settings.task);
      entries_.erase(it);
    }
  }
  std::move(done)(status);
}

absl::StatusOr<ScheduleView> Schedules::Get(absl::string_view id) const {
  MutexLock lock(mu_);
  const auto it = entries_.find(id);
  if (it == entries_.end() || it->second.is_new) return ScheduleUnknownError(id);
  return ViewOf(it->second);
}

std::vector<ScheduleView> Schedules::List() const {
  std::vector<ScheduleView> all;
  MutexLock lock(mu_);
  all.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) {
    if (!entry.is_new) all.push_back(ViewOf(entry));
  }
  return all;
}

SchedulesStats Schedules::Stats() const {
  MutexLock lock(mu_);
  SchedulesStats stats = stats_;
  for (const auto& [id, entry] : entries_)
    ++(entry.record->is_paused ? stats.paused : stats.active);
  return stats;
}

Schedules::Entry* Schedules::Find(absl::string_view id) {
  const auto it = entries_.find(id);
  return it == entries_.end() || it->second.is_new ? nullptr : &it->second;
}

Schedules::Entry* Schedules::Find(const std::string& id, const Uuid& uid) {
  const auto it = entries_.find(id);
  return it == entries_.end() || it->second.record->uid != uid ? nullptr : &it->second;
}

}  // namespace taskforge

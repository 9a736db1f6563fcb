// Of Schedules: what happens as time passes.
#include <algorithm>
#include <memory>

#include "base/error.h"
#include "schedules/schedule_codec.h"
#include "schedules/schedules.h"

namespace taskforge {
namespace {

constexpr absl::Duration kMinBackoff = absl::Seconds(1);
constexpr absl::Duration kMaxBackoff = absl::Minutes(1);
// A sleep that is longer is halved.
constexpr absl::Duration kLongSleep = absl::Minutes(1);

// Whether the instant has its task already: from before a crash.
bool IsThere(const absl::Status& status) {
  // Of its request_id, too, whatever the queue's defaults are by now.
  return absl::IsAlreadyExists(status) || DetailsOf(status).reason == "TASK_GONE";
}

}  // namespace

void Schedules::WakeAt(Entry& entry, absl::Time time) {
  const std::string& id = entry.record->settings.id;
  if (entry.wake != absl::InfiniteFuture()) wakes_.erase({entry.wake, id});
  entry.wake = time;
  if (time != absl::InfiniteFuture()) wakes_.insert({time, id});
}

std::optional<MonoTime> Schedules::NextAlarm() {
  if (wakes_.empty() || !is_running_) return std::nullopt;
  absl::Duration sleep = std::max(wakes_.begin()->first - parts_.clock.Now(), absl::ZeroDuration());
  if (sleep > kLongSleep) sleep = std::max(sleep / 2, kLongSleep);
  const MonoTime at = parts_.clock.Monotonic() + sleep;
  // One that is set for later still rings, and finds nothing to do.
  if (at >= alarm_) return std::nullopt;
  alarm_ = at;
  return at;
}

void Schedules::Tick() {
  std::vector<Decided> due;
  std::optional<MonoTime> alarm;
  {
    MutexLock lock(mu_);
    if (is_running_) due = DecideDue();
    alarm = NextAlarm();
  }
  if (alarm.has_value()) {
    (void)parts_.timer.ScheduleAt(*alarm, [this, at = *alarm] {
      {
        MutexLock lock(mu_);
        if (alarm_ == at) alarm_ = MonoTime::Max();
      }
      Tick();
    });
  }
  for (Decided& decided : due) Perform(std::move(decided));
}

std::vector<Schedules::Decided> Schedules::DecideDue() {
  std::vector<Decided> due;
  const absl::Time now = parts_.clock.Now();
  while (!wakes_.empty() && wakes_.begin()->first <= now) {
    Entry& entry = entries_.find(wakes_.begin()->second)->second;
    if (entry.record->is_paused || entry.is_deciding) {
      WakeAt(entry, absl::InfiniteFuture());
      continue;
    }
    if (entry.retry_at > now) {
      WakeAt(entry, entry.retry_at);
      continue;
    }
    RunDecision decision =
        DecideRun(*entry.record, entry.recurrence, entry.runs, entry.running > 0, now);
    WakeAt(entry, decision.wake);
    if (decision.kind == RunDecision::Kind::kNothing) continue;
    entry.is_deciding = true;
    due.push_back({entry.record, std::move(decision)});
  }
  return due;
}

void Schedules::Perform(Decided decided) {
  if (decided.decision.kind == RunDecision::Kind::kStart) {
    Submit(std::move(decided));
  } else {
    Note(std::move(decided));
  }
}

void Schedules::Submit(Decided decided) {
  const ScheduleRecord& record = *decided.record;
  {
    // Many may have been decided together: what was paused or removed since starts nothing more.
    MutexLock lock(mu_);
    Entry* const entry = Find(record.settings.id, record.uid);
    if (entry == nullptr) return;
    if (entry->record->is_paused || !is_running_) {
      entry->is_deciding = false;
      return;
    }
  }
  Submission submission;
  submission.spec = RunSpec(record, decided.decision.instant);
  submission.has_priority = record.settings.has_priority;
  submission.has_retry_policy = record.settings.has_retry_policy;
  submission.on_finished = [this, id = record.settings.id, uid = record.uid](const TaskRecordPtr&) {
    Ended(id, uid);
  };
  submission.on_receipt =
      [this, decided = std::move(decided)](const absl::StatusOr<SubmitReceipt>& receipt) mutable {
        Answered(std::move(decided), receipt);
      };
  parts_.submitter.Submit(std::move(submission));
}

void Schedules::Answered(Decided decided, const absl::StatusOr<SubmitReceipt>& receipt) {
  const ScheduleRecord& record = *decided.record;
  if (!receipt.ok() && !IsThere(receipt.status())) return Refused(record, receipt.status());
  const TaskSpec run = RunSpec(record, decided.decision.instant);
  decided.decision.runs.last_task = TaskName(run.queue, run.origin->task_id);
  {
    MutexLock lock(mu_);
    // Its end is told after this.
    Entry* const entry = Find(record.settings.id, record.uid);
    if (entry != nullptr && receipt.ok()) ++entry->running;
    ++stats_.started;
  }
  Note(std::move(decided));
}

void Schedules::Refused(const ScheduleRecord& record, const absl::Status& status) {
  {
    MutexLock lock(mu_);
    ++stats_.refused;
    Entry* const entry = Find(record.settings.id, record.uid);
    if (entry == nullptr) return;
    const absl::Time now = parts_.clock.Now();
    entry->is_deciding = false;
    entry->refusal = ScheduleRefusal{now, std::string(status.message())};
    entry->backoff = std::clamp(2 * entry->backoff, kMinBackoff, kMaxBackoff);
    entry->retry_at = now + entry->backoff;
    WakeAt(*entry, entry->retry_at);
  }
  Tick();
}

void Schedules::Note(Decided decided) {
  const ScheduleRecord& record = *decided.record;
  const std::string value = EncodeScheduleRuns(record.uid, decided.decision.runs);
  {
    MutexLock lock(mu_);
    Entry* const entry = Find(record.settings.id, record.uid);
    if (entry == nullptr) return;  // Deleted meanwhile: nothing of it is kept.
    ScheduleRuns& runs = decided.decision.runs;
    stats_.skipped += runs.skipped - entry->runs.skipped;
    stats_.missed += runs.missed - entry->runs.missed;
    const bool is_start = decided.decision.kind == RunDecision::Kind::kStart;
    entry->runs = std::move(runs);
    entry->backoff = absl::ZeroDuration();
    entry->retry_at = absl::InfinitePast();
    if (is_start) entry->refusal.reset();
  }
  const std::string key = ScheduleRunsKey(record.settings.id);
  parts_.store.Write({{key, value}}, [this, record = decided.record](const absl::Status& status) {
    Noted(*record, status);
  });
}

void Schedules::Noted(const ScheduleRecord& record, const absl::Status& status) {
  {
    MutexLock lock(mu_);
    Entry* const entry = Find(record.settings.id, record.uid);
    if (entry == nullptr) return;
    const absl::Time now = parts_.clock.Now();
    entry->is_deciding = false;
    if (!status.ok()) {
      // It holds in this process, and is written with what is decided next.
      entry->refusal = ScheduleRefusal{now, std::string(status.message())};
    }
    WakeAt(*entry, now);
  }
  Tick();
}

void Schedules::Ended(const std::string& id, const Uuid& uid) {
  {
    MutexLock lock(mu_);
    Entry* const entry = Find(id, uid);
    if (entry == nullptr || entry->running == 0) return;
    --entry->running;
    if (entry->running > 0 || entry->runs.waiting == absl::InfinitePast()) return;
    if (!entry->is_deciding) WakeAt(*entry, parts_.clock.Now());
  }
  Tick();
}

}  // namespace taskforge

// The schedules that there are: made, changed and paused by clients; and the ticker that submits
// their runs.
#ifndef TASKFORGE_SCHEDULES_SCHEDULES_H_
#define TASKFORGE_SCHEDULES_SCHEDULES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/timer.h"
#include "schedules/recurrence.h"
#include "schedules/run_policy.h"
#include "schedules/schedule.h"
#include "schedules/schedule_parts.h"
#include "task/task_api.h"
#include "task/uuid.h"
#include "task/validation.h"

namespace taskforge {

// The last time that a run could not be submitted.
struct ScheduleRefusal {
  absl::Time time;
  std::string message;
};

// A schedule as it is now.
struct ScheduleView {
  ScheduleRecordPtr record;
  ScheduleRuns runs;
  std::optional<ScheduleRefusal> refusal;  // None: no run was refused since the last that started.
};

// The next instants of a schedule after `now`, at most `count`; none while it is paused.
std::vector<absl::Time> NextRunTimes(const ScheduleView& schedule, absl::Time now, size_t count);

struct SchedulesStats {
  size_t active = 0;
  size_t paused = 0;
  // Since the start of the process.
  uint64_t started = 0;
  uint64_t skipped = 0;
  uint64_t missed = 0;
  uint64_t refused = 0;  // Submissions; each is tried again while its instant is the last.
};

// Never twice for one instant: a run's task_id and request_id follow from schedule and instant
// (RunSpec), so what is submitted again is the task that there is; and what was decided is noted
// before anything more is decided. A crash between a run's acceptance and that note submits it
// again at the most; a SKIP schedule may then count as missed what has run. The store knows a
// request_id for a day after its task has ended (limits.request_id_ttl): a run of a schedule with
// RUN_ONCE that the crash cut off there is one task only if the server is back by then. A task of
// durability MEMORY is gone with the crash, so its run may be made up for.
//
// A run that is refused (its queue is full, its handler unknown) is tried again after a second,
// then after twice as long each time, up to a minute, while its instant is the last that has come
// and the policy lets it run.
//
// On the timer: it sleeps until the next instant; where that is more than a minute away, for half
// of the time, since the wall clock may be set or drift meanwhile. Time that goes back repeats
// nothing.
//
// Everything given to the constructor must outlive it and the callbacks of store, timer and tasks.
// Thread-safe.
class Schedules {
 public:
  struct Parts {
    const Clock& clock;
    Timer& timer;
    UuidSequence& uuids;
    Submitter& submitter;
    ScheduleStore& store;
    const ScheduleTasks& tasks;
  };
  // Called once, perhaps before the function returns. Must be short.
  using ViewCallback = absl::AnyInvocable<void(absl::StatusOr<ScheduleView>) &&>;
  using StatusCallback = absl::AnyInvocable<void(absl::Status) &&>;

  Schedules(const TaskLimits& limits, const Parts& parts);
  Schedules(const Schedules&) = delete;
  Schedules& operator=(const Schedules&) = delete;

  // Takes over what the store has kept. DATA_LOSS: one is damaged. REQUIRES: called once, before
  // Start(), when the tasks have been taken over.
  absl::Status Load(absl::Span<const Setting> settings);
  // From now on runs are submitted; first of all what was missed.
  void Start();
  // From now on nothing is submitted. For good.
  void Stop();

  // On OK the change is kept as well as the store keeps. INVALID_ARGUMENT with all violations,
  // named as in the proto's Schedule; NOT_FOUND, reason SCHEDULE_UNKNOWN, and what
  // ScheduleTasks::Check says; ALREADY_EXISTS, reason SCHEDULE_EXISTS; RESOURCE_EXHAUSTED, reason
  // TOO_MANY_SCHEDULES; ABORTED, reason SCHEDULE_CHANGING: another change is being written; errors
  // of the store.
  void Create(ScheduleSettings settings, ViewCallback done) ABSL_LOCKS_EXCLUDED(mu_);
  // What recurs otherwise does so from now on.
  void Update(absl::string_view id, const ScheduleUpdate& update, ViewCallback done)
      ABSL_LOCKS_EXCLUDED(mu_);
  // What comes while it is paused is none of it. Pausing a paused one notes the new reason.
  void Pause(absl::string_view id, absl::string_view reason, ViewCallback done);
  void Resume(absl::string_view id, absl::string_view reason, ViewCallback done);
  // Its tasks stay.
  void Delete(absl::string_view id, StatusCallback done) ABSL_LOCKS_EXCLUDED(mu_);

  absl::StatusOr<ScheduleView> Get(absl::string_view id) const ABSL_LOCKS_EXCLUDED(mu_);
  // By id.
  std::vector<ScheduleView> List() const ABSL_LOCKS_EXCLUDED(mu_);
  SchedulesStats Stats() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    ScheduleRecordPtr record;
    Recurrence recurrence;
    ScheduleRuns runs;
    std::optional<ScheduleRefusal> refusal;
    bool is_new = true;        // It is not kept yet, and nobody sees it.
    bool is_changing = false;  // A change is being written.
    bool is_deciding = false;  // A run is being submitted, or a decision written.
    size_t running = 0;        // Tasks of it that have not ended.
    absl::Time wake = absl::InfiniteFuture();
    absl::Time retry_at = absl::InfinitePast();
    absl::Duration backoff = absl::ZeroDuration();
  };
  using Entries = std::map<std::string, Entry, std::less<>>;
  // A decision on its way.
  struct Decided {
    ScheduleRecordPtr record;
    RunDecision decision;
  };
  // Changes what `next` is to be; OK: it may be written.
  using Change = absl::AnyInvocable<absl::Status(ScheduleRecord& next) &&>;

  void ChangeBy(absl::string_view id, Change change, ViewCallback done) ABSL_LOCKS_EXCLUDED(mu_);
  // Tasks that live from before a crash, of runs that it left unnoted: noted now. Before Tick().
  void TakeOverUnnoted() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status CheckCount() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether there is room for the task, where one of `instead_of` bytes goes.
  absl::Status CheckBytes(const TaskSpec& task, size_t instead_of) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Created(const ScheduleRecordPtr& record, const absl::Status& status, ViewCallback done);
  void Changed(const ScheduleRecordPtr& record, const absl::Status& status, ViewCallback done);
  void Deleted(const ScheduleRecordPtr& record, const absl::Status& status, StatusCallback done);

  // Decides on what has come, and sees to it.
  void Tick() ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<Decided> DecideDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Perform(Decided decided) ABSL_LOCKS_EXCLUDED(mu_);
  void Submit(Decided decided);
  void Answered(Decided decided, const absl::StatusOr<SubmitReceipt>& receipt);
  void Refused(const ScheduleRecord& record, const absl::Status& status);
  void Note(Decided decided);
  void Noted(const ScheduleRecord& record, const absl::Status& status);
  void Ended(const std::string& id, const Uuid& uid);

  // Null: there is none, or another one of its id.
  Entry* Find(absl::string_view id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Entry* Find(const std::string& id, const Uuid& uid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WakeAt(Entry& entry, absl::Time time) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // When the timer is to be set for; none: it is set.
  std::optional<MonoTime> NextAlarm() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static ScheduleView ViewOf(const Entry& entry) {
    return {entry.record, entry.runs, entry.refusal};
  }

  // Constant after construction.
  const TaskLimits limits_;
  const Parts parts_;

  mutable Mutex mu_;
  Entries entries_ ABSL_GUARDED_BY(mu_);
  std::set<std::pair<absl::Time, std::string>> wakes_ ABSL_GUARDED_BY(mu_);  // Not: never.
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;  // Of the entries' tasks.
  MonoTime alarm_ ABSL_GUARDED_BY(mu_) = MonoTime::Max();
  bool is_running_ ABSL_GUARDED_BY(mu_) = false;
  SchedulesStats stats_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_SCHEDULES_SCHEDULES_H_

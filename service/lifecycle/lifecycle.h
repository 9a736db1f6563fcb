// What follows an attempt: the result is recorded and then told, or the task runs again.
#ifndef TASKFORGE_LIFECYCLE_LIFECYCLE_H_
#define TASKFORGE_LIFECYCLE_LIFECYCLE_H_

#include <cstdint>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/timer.h"
#include "base/wall_time.h"
#include "lifecycle/retry_policy.h"
#include "lifecycle/task_events.h"
#include "lifecycle/task_metrics.h"
#include "store/task_store.h"
#include "task/attempt_sink.h"
#include "task/live_tasks.h"
#include "task/task.h"
#include "task/task_ender.h"
#include "task/waiting_expiry.h"

namespace taskforge {

struct LifecycleOptions {
  // How long a finished task can be read when its spec does not say. Longer costs memory.
  absl::Duration succeeded_ttl = absl::Hours(1);
  absl::Duration failed_ttl = absl::Hours(24);  // Also of cancelled and expired tasks.
  // A larger output becomes FAILED, reason OUTPUT_TOO_LARGE.
  size_t max_output_bytes = size_t{1} << 20;
  // Attempts that lost workers may take; with one more the task ends as FAILED, reason POISONED.
  int max_lost_attempts = 3;
  // Between tries to record an end while the store fails.
  absl::Duration store_retry_interval = absl::Milliseconds(200);
};

// A handler's success ends the task as SUCCEEDED, also when a cancel had been requested; any other
// end of an attempt whose cancel was requested ends it as CANCELLED. Until its end is stored, a
// task counts as running; then it leaves the live tasks, gives its admission back, those who wait
// are called, and the event is published: in this order.
// Thread-safe.
class Lifecycle final : public AttemptSink, public TaskEnder {
 public:
  // What it is joined to; all of it must outlive the lifecycle, and the timer's callbacks must have
  // ended before it goes.
  struct Parts {
    TaskStore& store;
    LiveTasks& live;
    TaskSink& queues;
    TaskEvents& events;
    const Clock& clock;
    Timer& timer;
    Random& random;
    Log& log;
  };

  // `boot_epoch` is that of the fences.
  Lifecycle(const LifecycleOptions& options, uint64_t boot_epoch, Parts parts);
  Lifecycle(const Lifecycle&) = delete;
  Lifecycle& operator=(const Lifecycle&) = delete;

  void AttemptStarted(Task& task) override;
  void AttemptEnded(TaskRef task, AttemptEnd end) override;
  void EndUnstarted(TaskRef task, TaskState state, absl::string_view reason) override;

  LifecycleStats Stats() const { return metrics_.Stats(); }
  uint64_t ended() const { return metrics_.ended(); }

 private:
  void Succeed(TaskRef task, AttemptEnd end);
  void Fail(TaskRef task, AttemptEnd end);
  // The task waits again: for `backoff`, or at once.
  void Retry(const TaskRef& task, const AttemptEnd& end, absl::Duration backoff);
  void RunAgain(const TaskRef& task, const AttemptEnd& end);
  void SetBackoffTimer(const TaskRef& task, MonoTime when);
  void EndBackoff(const TaskRef& task);
  // Ends a task that waits again if its cancel had been requested meanwhile.
  bool CancelIfRequested(const TaskRef& task);
  // The end of the last attempt as the record shows it.
  static void CloseAttempt(TaskRecord& record, const AttemptEnd& end, absl::Time ended_time);
  void SetEnd(TaskRecord& record, TaskState state, absl::Time end_time) const;
  void Record(TaskRef task, TaskRecordPtr record, Stage stage);
  void Recorded(const TaskRef& task, const TaskRecordPtr& record, Stage stage,
                const absl::Status& status);
  // For whoever takes the task over after a crash.
  void Note(const Task& task);
  void Tell(const Task& task, TaskState state);

  const LifecycleOptions options_;
  const uint64_t boot_epoch_;
  const Parts parts_;
  WallTime wall_time_;
  WaitingExpiry expiry_;
  TaskMetrics metrics_;
};

}  // namespace taskforge

#endif  // TASKFORGE_LIFECYCLE_LIFECYCLE_H_

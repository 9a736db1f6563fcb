// Puts an accepted task where it waits.
#ifndef TASKFORGE_INTAKE_WAIT_STARTER_H_
#define TASKFORGE_INTAKE_WAIT_STARTER_H_

#include "base/clock.h"
#include "base/timer.h"
#include "base/wall_time.h"
#include "task/task.h"
#include "task/task_ender.h"
#include "task/waiting_expiry.h"

namespace taskforge {

// All given to the constructor must outlive it and the timer's callbacks. Thread-safe.
class WaitStarter {
 public:
  WaitStarter(const Clock& clock, Timer& timer, TaskSink& queues, TaskEnder& ender)
      : clock_(clock),
        timer_(timer),
        queues_(queues),
        wall_time_(clock),
        expiry_(timer, queues, ender) {}

  // A task whose record says SCHEDULED waits for its next_attempt_time; any other for its turn, and
  // for as long as its queue_timeout, which counts from its acceptance or schedule_time until its
  // first start, and its deadline allow. REQUIRES: the phase is QUEUED; nobody else enqueues it.
  void Start(const TaskRef& task);

 private:
  void WaitForTime(const TaskRef& task, absl::Time when);
  void WaitForTurn(const TaskRef& task, const TaskRecord& record);

  const Clock& clock_;
  Timer& timer_;
  TaskSink& queues_;
  WallTime wall_time_;
  WaitingExpiry expiry_;
};

}  // namespace taskforge

#endif  // TASKFORGE_INTAKE_WAIT_STARTER_H_

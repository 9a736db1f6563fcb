// Ends a waiting task when its time is over: its queue_timeout or its deadline.
#ifndef TASKFORGE_TASK_WAITING_EXPIRY_H_
#define TASKFORGE_TASK_WAITING_EXPIRY_H_

#include "base/timer.h"
#include "task/task.h"
#include "task/task_ender.h"

namespace taskforge {

// `timer`, `sink` and `ender` must outlive it and the timer's callbacks. Thread-safe.
class WaitingExpiry {
 public:
  WaitingExpiry(Timer& timer, TaskSink& sink, TaskEnder& ender)
      : timer_(timer), sink_(sink), ender_(ender) {}

  // Ends the task as kExpired at `when` if it is still QUEUED then, wherever it waits; `reason`
  // (a literal: QUEUE_TIMEOUT or DEADLINE) says why. Does nothing at MonoTime::Max(). Puts the
  // timer into Task::timer_id: whoever starts or ends the task calls Disarm. REQUIRES: the phase is
  // QUEUED, and the caller has yet to enqueue the task.
  void Arm(const TaskRef& task, MonoTime when, const char* reason);

  // Drops what Task::timer_id names, if it has not begun.
  static void Disarm(Task& task, Timer& timer);

 private:
  Timer& timer_;
  TaskSink& sink_;
  TaskEnder& ender_;
};

}  // namespace taskforge

#endif  // TASKFORGE_TASK_WAITING_EXPIRY_H_

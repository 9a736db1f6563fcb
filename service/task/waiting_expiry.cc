#include "task/waiting_expiry.h"

#include <utility>

namespace taskforge {

void WaitingExpiry::Arm(const TaskRef& task, MonoTime when, const char* reason) {
  if (when == MonoTime::Max()) return;
  const TimerId id = timer_.ScheduleAt(when, [this, task, reason]() mutable {
    if (!task->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling)) return;
    task->timer_id.store(0);
    sink_.Remove(*task);
    ender_.EndUnstarted(std::move(task), TaskState::kExpired, reason);
  });
  task->timer_id.store(id);
  // A cancel that came before the store has disarmed nothing: then this does.
  if (task->phase() != TaskPhase::kQueued) Disarm(*task, timer_);
}

void WaitingExpiry::Disarm(Task& task, Timer& timer) {
  const TimerId id = task.timer_id.exchange(0);
  if (id != 0) timer.Cancel(id);
}

}  // namespace taskforge

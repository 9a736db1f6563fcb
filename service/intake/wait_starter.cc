#include "intake/wait_starter.h"

#include <algorithm>

namespace taskforge {

void WaitStarter::Start(const TaskRef& task) {
  const TaskRecordPtr record = task->Snapshot();
  if (record->state == TaskState::kScheduled) {
    WaitForTime(task, record->history->next_attempt_time);
  } else {
    WaitForTurn(task, *record);
  }
}

void WaitStarter::WaitForTime(const TaskRef& task, absl::Time time) {
  const MonoTime when = wall_time_.MonotonicOf(time, clock_.Monotonic());
  const TimerId id = timer_.ScheduleAt(when, [this, task] {
    task->timer_id.store(0);
    if (task->phase() != TaskPhase::kQueued) return;
    task->Update([](TaskRecord& record) {
      if (record.state != TaskState::kScheduled) return;
      record.state = TaskState::kQueued;
      record.wait_reason = WaitReason::kQueue;
    });
    WaitForTurn(task, *task->Snapshot());
  });
  // Not over the timer of the wait for its turn, which this one may have set already.
  uint64_t none = 0;
  task->timer_id.compare_exchange_strong(none, id);
  // A cancel that came before has disarmed nothing.
  if (task->phase() != TaskPhase::kQueued) timer_.Cancel(id);
}

void WaitStarter::WaitForTurn(const TaskRef& task, const TaskRecord& record) {
  const TaskTerms& terms = *task->spec().terms;
  const bool has_timeout =
      terms.queue_timeout != absl::InfiniteDuration() && record.history->attempts.empty();
  if (has_timeout || terms.deadline != absl::InfiniteFuture()) {
    const MonoTime now = clock_.Monotonic();
    const absl::Time waits_since = std::max(record.create_time, terms.schedule_time);
    const MonoTime deadline = wall_time_.MonotonicOf(terms.deadline, now);
    const MonoTime timeout = has_timeout
                                 ? wall_time_.MonotonicOf(waits_since + terms.queue_timeout, now)
                                 : MonoTime::Max();
    if (timeout < deadline) {
      expiry_.Arm(task, timeout, "QUEUE_TIMEOUT");
    } else {
      expiry_.Arm(task, deadline, "DEADLINE");
    }
  }
  queues_.Enqueue(task, TaskSink::Position::kBack);
}

}  // namespace taskforge

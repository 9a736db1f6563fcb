#include "runner/running_task.h"

#include "absl/strings/str_cat.h"
#include "task/task_log.h"

namespace taskforge {

Runner::RunningTask::RunningTask(Runner& runner, TaskRef task, HandlerRef handler,
                                 const Dispatch& dispatch)
    : runner_(runner),
      task_(std::move(task)),
      handler_(std::move(handler)),
      started_(dispatch.started),
      seat_(dispatch.seat),
      ticket_(dispatch.ticket) {
  const TaskSpec& spec = task_->spec();
  if (spec.terms->run_timeout != absl::InfiniteDuration()) {
    stop_time_ = started_ + spec.terms->run_timeout;
    stop_reason_at_time_ = StopReason::kTimeout;
  }
  if (spec.terms->deadline != absl::InfiniteFuture()) {
    const MonoTime deadline = runner_.wall_time_.MonotonicOf(spec.terms->deadline, started_);
    if (deadline <= stop_time_) {
      stop_time_ = deadline;
      stop_reason_at_time_ = StopReason::kDeadline;
    }
  }
}

void Runner::RunningTask::SetTimer() {
  if (stop_time_ == MonoTime::Max()) return;
  const TimerId id = runner_.parts_.timer.ScheduleAt(
      stop_time_, [self = Ref<RunningTask>(this)] { self->StopInTime(); });
  TimerId none = 0;
  // It may have run already and set the timer of the grace; that one stays.
  if (!timer_.compare_exchange_strong(none, id) || ended_.load()) {
    runner_.parts_.timer.Cancel(id);
  }
}

bool Runner::RunningTask::Finish(End end) {
  if (!TryEnd()) {
    runner_.refused_.Add();
    return false;
  }
  const StopReason reason = stop_reason();
  const bool timed_out = reason == StopReason::kTimeout || reason == StopReason::kDeadline;
  if (timed_out && !end.lost && std::holds_alternative<TaskError>(end.result)) {
    end.result = StopError(reason, /*heeded=*/true);
  }
  // What outlives this server goes on with the next: the attempt is the server's loss, not its own.
  const bool is_kept = task_->accepted_record()->effective_durability != Durability::kMemory;
  if (reason == StopReason::kShutdown && is_kept && std::holds_alternative<TaskError>(end.result)) {
    std::get<TaskError>(end.result).reason = kShutdownReason;
    end.lost = true;
  }
  Deliver(std::move(end));
  return true;
}

void Runner::RunningTask::ReportProgress(Progress progress) {
  if (ended_.load()) return;
  task_->Update([&](TaskRecord& record) {
    const bool is_current = record.state == TaskState::kRunning &&
                            record.history->attempts.size() == static_cast<size_t>(number_);
    if (is_current) record.history.Edit().progress = std::move(progress);
  });
}

TaskError Runner::RunningTask::StopError(StopReason reason, bool heeded) const {
  TaskError error;
  error.code = absl::StatusCode::kDeadlineExceeded;
  error.reason = reason == StopReason::kTimeout ? "TIMEOUT" : "DEADLINE";
  error.retryable = reason == StopReason::kTimeout;
  error.message = reason == StopReason::kTimeout
                      ? absl::StrCat("ran longer than its run_timeout of ",
                                     absl::FormatDuration(task_->spec().terms->run_timeout))
                      : std::string("still ran at its deadline");
  if (!heeded) {
    absl::StrAppend(&error.message, " and did not stop within ",
                    absl::FormatDuration(runner_.options_.stop_grace));
  }
  return error;
}

void Runner::RunningTask::StopInTime() {
  if (ended_.load()) return;
  runner_.timed_out_.Add();
  RequestStop(stop_reason_at_time_);
  if (ended_.load()) return;
  const TimerId id = runner_.parts_.timer.ScheduleAt(
      runner_.parts_.clock.Monotonic() + runner_.options_.stop_grace,
      [self = Ref<RunningTask>(this)] { self->Abandon(); });
  timer_.store(id);
  if (ended_.load()) runner_.parts_.timer.Cancel(id);
}

void Runner::RunningTask::Abandon() {
  if (!TryEnd()) return;
  runner_.abandoned_.Add();
  ThreadOwner* const threads = runner_.parts_.threads;
  const bool thread_lost = threads != nullptr && ticket_ != 0 && threads->Abandon(seat_, ticket_);
  LogTask(runner_.parts_.log, LogLevel::kWarning, "abandoned an attempt that did not stop in time",
          *task_,
          {{"attempt", number_},
           {"handler", task_->spec().handler},
           {"thread_lost", thread_lost},
           {"grace", runner_.options_.stop_grace}});
  Deliver({StopError(stop_reason_at_time_, /*heeded=*/false)});
}

void Runner::RunningTask::Deliver(End end) {
  const MonoTime now = runner_.parts_.clock.Monotonic();
  const TimerId id = timer_.load();
  if (id != 0) runner_.parts_.timer.Cancel(id);
  DropStopCallbacks();
  if (handler_) handler_->CountEnd();
  AttemptEnd ended;
  ended.result = std::move(end.result);
  ended.lost = end.lost;
  ended.ended = now;
  ended.run_ns = now - started_;
  runner_.parts_.sink.AttemptEnded(task_, std::move(ended));
}

}  // namespace taskforge

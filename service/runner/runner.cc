#include "runner/runner.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runner/running_task.h"
#include "task/task_log.h"

namespace taskforge {

Runner::Runner(const RunnerOptions& options, uint64_t boot_epoch, Parts parts)
    : options_(options), boot_epoch_(boot_epoch), parts_(parts), wall_time_(parts.clock) {}

bool Runner::Run(TaskRef task, const Dispatch& dispatch) {
  if (parts_.gate != nullptr && parts_.gate->TakeBack(task)) return false;
  if (!task->TryAdvance(TaskPhase::kQueued, TaskPhase::kStarting)) {
    unstarted_.Add();
    return false;
  }
  const Ref<RunningTask> running = Begin(task, dispatch, absl::StrCat("pool/seat-", dispatch.seat));
  if (!running) return false;
  Handler* const handler = running->handler() == nullptr ? nullptr : running->handler()->handler();
  Completion done{running};
  if (handler == nullptr) {
    TaskError error;
    error.code = absl::StatusCode::kFailedPrecondition;
    error.reason = "HANDLER_UNKNOWN";
    error.message =
        absl::StrCat("no handler \"", task->spec().handler.view(), "\" runs in this server");
    error.retryable = false;
    done.Fail(std::move(error));
    return true;
  }
  try {
    handler->Start(Attempt(running), std::move(done));
  } catch (const std::exception& exception) {
    // The completion went with the stack: the attempt has ended as LOST, or ends elsewhere.
    LogTask(parts_.log, LogLevel::kError, "a handler threw out of Start", *task,
            {{"handler", task->spec().handler}, {"what", exception.what()}});
  } catch (...) {
    LogTask(parts_.log, LogLevel::kError, "a handler threw out of Start", *task,
            {{"handler", task->spec().handler}});
  }
  return true;
}

std::optional<RemoteAttempt> Runner::StartRemote(TaskRef task, const std::string& executor) {
  if (!task->TryAdvance(TaskPhase::kQueued, TaskPhase::kStarting)) {
    unstarted_.Add();
    return std::nullopt;
  }
  Dispatch dispatch;
  dispatch.started = parts_.clock.Monotonic();
  const Ref<RunningTask> running = Begin(task, dispatch, executor);
  if (!running) return std::nullopt;
  return RemoteAttempt{Attempt(running), Completion(running)};
}

Ref<Runner::RunningTask> Runner::Begin(const TaskRef& task, const Dispatch& dispatch,
                                       std::string executor) {
  // A time-out of its wait, if one was set: it waits no more.
  const TimerId waiting = task->timer_id.exchange(0);
  if (waiting != 0) parts_.timer.Cancel(waiting);

  Ref<RunningTask> running =
      MakeRef<RunningTask>(*this, task, parts_.registry.Find(task->spec().handler), dispatch);
  const absl::Time started_time = wall_time_.At(dispatch.started);
  const absl::Time queued_time = wall_time_.At(task->enqueued);
  Verdict verdict = Verdict::kStart;
  const bool started = task->StartAttempt(running, [&](TaskRecord& record) {
    verdict = Judge(record, *task, dispatch.started, started_time);
    if (verdict != Verdict::kStart) return false;
    TaskHistory& history = record.history.Edit();
    AttemptRecord& attempt = history.attempts.emplace_back();
    attempt.number = static_cast<int>(history.attempts.size());
    attempt.queued_time = queued_time;
    attempt.started_time = started_time;
    attempt.executor = std::move(executor);
    if (dispatch.number != 0) {
      attempt.started_dispatch = dispatch.counted;
      // It may have started before whoever enqueued it had read the count: then nothing counts.
      attempt.enqueued_dispatch = std::min(task->enqueued_dispatch.load(std::memory_order_relaxed),
                                           attempt.started_dispatch);
      attempt.ahead = task->ahead;
      attempt.seats = dispatch.seats;
    }
    running->Prepare(attempt.number);
    record.state = TaskState::kRunning;
    record.wait_reason = WaitReason::kNone;
    history.progress.reset();
    history.start_time = started_time;
    history.queue_wait_ns = dispatch.started - task->enqueued;
    return true;
  });
  if (!started) {
    EndUnstarted(task, verdict);
    return nullptr;
  }
  task->TryAdvance(TaskPhase::kStarting, TaskPhase::kRunning);
  started_.Add();
  if (running->handler() != nullptr) running->handler()->CountStart();
  parts_.sink.AttemptStarted(*task);
  running->SetTimer();
  return running;
}

Runner::Verdict Runner::Judge(const TaskRecord& record, const Task& task, MonoTime now,
                              absl::Time wall_now) {
  if (record.history->cancel_requested_time.has_value()) return Verdict::kCancelled;
  const TaskSpec& spec = task.spec();
  if (wall_now >= spec.terms->deadline) return Verdict::kDeadline;
  const bool may_time_out =
      spec.terms->queue_timeout != absl::InfiniteDuration() && record.history->attempts.empty();
  if (may_time_out && now >= task.enqueued + spec.terms->queue_timeout)
    return Verdict::kQueueTimeout;
  return Verdict::kStart;
}

void Runner::EndUnstarted(const TaskRef& task, Verdict verdict) {
  unstarted_.Add();
  task->TryAdvance(TaskPhase::kStarting, TaskPhase::kCancelling);
  if (verdict == Verdict::kCancelled) {
    parts_.ender.EndUnstarted(task, TaskState::kCancelled, "CANCELLED");
  } else {
    parts_.ender.EndUnstarted(task, TaskState::kExpired,
                              verdict == Verdict::kDeadline ? "DEADLINE" : "QUEUE_TIMEOUT");
  }
}

RunnerStats Runner::stats() const {
  RunnerStats stats;
  stats.started = started_.Sum();
  stats.unstarted = unstarted_.Sum();
  stats.timed_out = timed_out_.Sum();
  stats.abandoned = abandoned_.Sum();
  stats.refused = refused_.Sum();
  return stats;
}

}  // namespace taskforge

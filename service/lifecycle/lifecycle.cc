#include "lifecycle/lifecycle.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/mutex.h"
#include "base/scoped_blocking.h"
#include "lifecycle/progress_note.h"
#include "task/task_log.h"

namespace taskforge {
namespace {

// `last` is how the last attempt ended: the record does not show it yet.
AttemptCounts CountsOf(const TaskRecord& record, const AttemptEnd& last) {
  AttemptCounts counts;
  const auto count = [&](bool is_lost, const TaskError* error) {
    const bool is_shutdown = is_lost && error != nullptr && error->reason == kShutdownReason;
    if (!is_shutdown) ++(is_lost ? counts.lost : counts.counted);
  };
  const std::vector<AttemptRecord>& attempts = record.history->attempts;
  for (size_t i = 0; i + 1 < attempts.size(); ++i) {
    count(attempts[i].lost, attempts[i].error.has_value() ? &*attempts[i].error : nullptr);
  }
  count(last.lost, std::get_if<TaskError>(&last.result));
  return counts;
}

TaskError Poisoned(const TaskError& last, int lost) {
  TaskError error;
  error.code = absl::StatusCode::kAborted;
  error.reason = "POISONED";
  error.message = absl::StrCat(lost, " attempts were lost, the last: ", last.message);
  error.retryable = false;
  return error;
}

TaskError OutputTooLarge(size_t size, size_t limit) {
  TaskError error;
  error.code = absl::StatusCode::kResourceExhausted;
  error.reason = "OUTPUT_TOO_LARGE";
  error.message = absl::StrCat("the output has ", size, " bytes, more than ", limit,
                               " (limits.max_output_bytes)");
  error.retryable = false;
  return error;
}

TaskError Expired(absl::string_view reason) {
  TaskError error;
  error.code = absl::StatusCode::kDeadlineExceeded;
  error.reason = std::string(reason);
  error.message = reason == "DEADLINE" ? "its deadline passed before it started"
                                       : "it did not start within its queue_timeout";
  error.retryable = false;
  return error;
}

// Whether the store has said what became of an end: that it is kept, or why it never will be. All
// else is a store in trouble; to tell an end then which a restart does not know would be a lie.
bool IsAnswer(const absl::Status& status) {
  return status.ok() || absl::IsNotFound(status) || absl::IsFailedPrecondition(status) ||
         absl::IsAborted(status);
}

}  // namespace

Lifecycle::Lifecycle(const LifecycleOptions& options, uint64_t boot_epoch, Parts parts)
    : options_(options),
      boot_epoch_(boot_epoch),
      parts_(parts),
      wall_time_(parts.clock),
      expiry_(parts.timer, parts.queues, *this) {}

void Lifecycle::AttemptStarted(Task& task) {
  if (task.is_recovered && !NonBlockingThread::IsCurrent()) {
    // It may be what ended the last life of the server, before that had written that it began. So
    // this time it does not begin before: else it would never be found to be the one.
    Notification written;
    NoteProgress(parts_.store, task, [&written](const absl::Status&) { written.Notify(); });
    const ScopedBlocking blocking;
    written.Wait();
  } else {
    Note(task);
  }
  Tell(task, TaskState::kRunning);
}

void Lifecycle::AttemptEnded(TaskRef task, AttemptEnd end) {
  auto* output = std::get_if<Payload>(&end.result);
  if (output != nullptr && output->data.size() > options_.max_output_bytes) {
    end.result = OutputTooLarge(output->data.size(), options_.max_output_bytes);
    output = nullptr;
  }
  if (end.lost) metrics_.CountLost();
  if (output != nullptr) {
    Succeed(std::move(task), std::move(end));
  } else {
    Fail(std::move(task), std::move(end));
  }
}

void Lifecycle::Succeed(TaskRef task, AttemptEnd end) {
  task->TryAdvance(TaskPhase::kRunning, TaskPhase::kEnded);
  const absl::Time ended_time = wall_time_.At(end.ended);
  TaskRecordPtr sealed = task->Seal([&](TaskRecord& record) {
    CloseAttempt(record, end, ended_time);
    SetEnd(record, TaskState::kSucceeded, ended_time);
    record.history.Edit().output = std::get<Payload>(std::move(end.result));
  });
  metrics_.CountAttempt(task->spec(), sealed->history->queue_wait_ns, end.run_ns);
  Record(std::move(task), std::move(sealed), Stage::kRunning);
}

void Lifecycle::Fail(TaskRef task, AttemptEnd end) {
  // Nobody but a cancel changes the record now: the attempt has ended, and this call owns the task.
  const TaskRecordPtr record = task->Snapshot();
  metrics_.CountAttempt(task->spec(), record->history->queue_wait_ns, end.run_ns);
  const absl::Time ended_time = wall_time_.At(end.ended);
  const TaskError& error = std::get<TaskError>(end.result);
  const AttemptCounts counts = CountsOf(*record, end);
  RetryDecision next = DecideNextStep(task->spec().terms->retry, counts, error, end.lost,
                                      options_.max_lost_attempts, parts_.random.NextDouble());
  const bool is_too_late =
      next.step == NextStep::kRetry && ended_time + next.backoff >= task->spec().terms->deadline;
  if (is_too_late) next.step = NextStep::kFail;
  const bool is_cancelled = record->history->cancel_requested_time.has_value();
  if (!is_cancelled && next.step == NextStep::kRetry) return Retry(task, end, next.backoff);
  if (!is_cancelled && next.step == NextStep::kRunAgain) return RunAgain(task, end);

  task->TryAdvance(TaskPhase::kRunning, TaskPhase::kEnded);
  TaskRecordPtr sealed = task->Seal([&](TaskRecord& last) {
    CloseAttempt(last, end, ended_time);
    // The copy in `last` decides: the cancel may have come since.
    const bool cancelled = last.history->cancel_requested_time.has_value();
    SetEnd(last, cancelled ? TaskState::kCancelled : TaskState::kFailed, ended_time);
    if (cancelled) return;
    last.history.Edit().error =
        next.step == NextStep::kPoison ? Poisoned(error, counts.lost) : error;
  });
  Record(std::move(task), std::move(sealed), Stage::kRunning);
}

void Lifecycle::Retry(const TaskRef& task, const AttemptEnd& end, absl::Duration backoff) {
  metrics_.CountRetry(task->spec());
  const absl::Time ended_time = wall_time_.At(end.ended);
  task->EndAttempt([&](TaskRecord& record) {
    CloseAttempt(record, end, ended_time);
    record.state = TaskState::kScheduled;
    record.wait_reason = WaitReason::kRetryBackoff;
    record.history.Edit().next_attempt_time = ended_time + backoff;
  });
  Note(*task);
  task->TryAdvance(TaskPhase::kRunning, TaskPhase::kQueued);
  Tell(*task, TaskState::kScheduled);
  if (CancelIfRequested(task)) return;
  SetBackoffTimer(task, end.ended + backoff);
}

void Lifecycle::RunAgain(const TaskRef& task, const AttemptEnd& end) {
  const absl::Time ended_time = wall_time_.At(end.ended);
  task->EndAttempt([&](TaskRecord& record) {
    CloseAttempt(record, end, ended_time);
    record.state = TaskState::kQueued;
    record.wait_reason = WaitReason::kQueue;
  });
  Note(*task);
  task->TryAdvance(TaskPhase::kRunning, TaskPhase::kQueued);
  Tell(*task, TaskState::kQueued);
  if (CancelIfRequested(task)) return;
  expiry_.Arm(task, wall_time_.MonotonicOf(task->spec().terms->deadline, end.ended), "DEADLINE");
  parts_.queues.Enqueue(task, TaskSink::Position::kFront);
}

void Lifecycle::SetBackoffTimer(const TaskRef& task, MonoTime when) {
  const TimerId id = parts_.timer.ScheduleAt(when, [this, task] { EndBackoff(task); });
  // Whoever cancels the task drops the timer that it finds here; if it came before, drop it now. A
  // timer that has fired already has put the task into its queue, and perhaps set the next one.
  uint64_t none = 0;
  task->timer_id.compare_exchange_strong(none, id);
  if (task->phase() != TaskPhase::kQueued) parts_.timer.Cancel(id);
}

void Lifecycle::EndBackoff(const TaskRef& task) {
  if (task->phase() != TaskPhase::kQueued) return;
  task->timer_id.store(0);
  task->Update([](TaskRecord& record) {
    if (record.state != TaskState::kScheduled) return;
    record.state = TaskState::kQueued;
    record.wait_reason = WaitReason::kQueue;
  });
  Tell(*task, TaskState::kQueued);
  const MonoTime deadline =
      wall_time_.MonotonicOf(task->spec().terms->deadline, parts_.clock.Monotonic());
  expiry_.Arm(task, deadline, "DEADLINE");
  parts_.queues.Enqueue(task, TaskSink::Position::kBack);
}

bool Lifecycle::CancelIfRequested(const TaskRef& task) {
  // A cancel sets its time and then looks at the phase; this thread has set the phase and now looks
  // for the time. So one of the two sees the other, and the phase says which one ends the task.
  if (!task->Snapshot()->history->cancel_requested_time.has_value()) return false;
  if (task->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling)) {
    EndUnstarted(task, TaskState::kCancelled, "CANCELLED");
  }
  return true;
}

void Lifecycle::CloseAttempt(TaskRecord& record, const AttemptEnd& end, absl::Time ended_time) {
  TaskHistory& history = record.history.Edit();
  AttemptRecord& attempt = history.attempts.back();
  attempt.ended_time = ended_time;
  attempt.lost = end.lost;
  if (const auto* error = std::get_if<TaskError>(&end.result)) attempt.error = *error;
  history.run_ns = end.run_ns;
  history.progress.reset();
}

void Lifecycle::SetEnd(TaskRecord& record, TaskState state, absl::Time end_time) const {
  if (!MayFollow(record.state, state)) {
    LogTask(parts_.log, LogLevel::kError,
            "a task took a transition that the table of states does not have", record,
            {{"from", Name(record.state)}, {"to", Name(state)}});
  }
  record.state = state;
  record.wait_reason = WaitReason::kNone;
  TaskHistory& history = record.history.Edit();
  history.next_attempt_time = absl::InfinitePast();
  history.end_time = end_time;
  const absl::Duration default_ttl =
      state == TaskState::kSucceeded ? options_.succeeded_ttl : options_.failed_ttl;
  history.expire_time = end_time + record.spec->terms->result_ttl.value_or(default_ttl);
}

void Lifecycle::EndUnstarted(TaskRef task, TaskState state, absl::string_view reason) {
  WaitingExpiry::Disarm(*task, parts_.timer);
  task->TryAdvance(TaskPhase::kCancelling, TaskPhase::kEnded);
  const absl::Time now = wall_time_.At(parts_.clock.Monotonic());
  Stage stage = Stage::kQueued;
  TaskRecordPtr sealed = task->Seal([&](TaskRecord& record) {
    if (record.state == TaskState::kScheduled) stage = Stage::kScheduled;
    SetEnd(record, state, now);
    if (state == TaskState::kExpired) record.history.Edit().error = Expired(reason);
  });
  Record(std::move(task), std::move(sealed), stage);
}

void Lifecycle::Record(TaskRef task, TaskRecordPtr record, Stage stage) {
  TaskStore::Completing completing;
  completing.fence = {record->name(), boot_epoch_,
                      static_cast<int>(record->history->attempts.size())};
  completing.record = record;
  completing.done = [this, task = std::move(task), record = std::move(record),
                     stage](absl::Status status) { Recorded(task, record, stage, status); };
  parts_.store.CompleteIf(absl::MakeSpan(&completing, 1));
}

void Lifecycle::Recorded(const TaskRef& task, const TaskRecordPtr& record, Stage stage,
                         const absl::Status& status) {
  if (!IsAnswer(status)) {
    metrics_.CountStoreRetry();
    parts_.timer.ScheduleAt(parts_.clock.Monotonic() + options_.store_retry_interval,
                            [this, task, record, stage] { Record(task, record, stage); });
    return;
  }
  if (!status.ok()) {
    LogTask(parts_.log, LogLevel::kError, "the store refused the end of a task", *record,
            {{"status", status.ToString()}});
  }
  metrics_.CountEnd(*record, stage);
  parts_.live.Erase(*task);
  task->Finish(record);
  parts_.events.Publish(record);
}

void Lifecycle::Note(const Task& task) {
  if (task.accepted_record()->effective_durability == Durability::kMemory) return;
  NoteProgress(parts_.store, task, {});
}

void Lifecycle::Tell(const Task& task, TaskState state) {
  if (!parts_.events.Wanted(task.spec(), state)) return;
  Ref<TaskRecord> record = MakeRef<TaskRecord>(*task.Snapshot());
  record->state = state;  // It may have gone on already.
  parts_.events.Publish(record);
}

}  // namespace taskforge

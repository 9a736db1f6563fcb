#include "lifecycle/task_directory.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "lifecycle/progress_note.h"

namespace taskforge {
namespace {

absl::Status Ended(const TaskRecord& record) {
  return ReasonError(absl::StatusCode::kFailedPrecondition, "TASK_ENDED",
                     absl::StrCat("task \"", record.name(), "\" has ended: ", Name(record.state)));
}

// For who asked to cancel a task: OK if that is how it ended.
void AnswerWhenEnded(const TaskRef& task, TaskControl::RecordCallback done) {
  task->OnFinished([done = std::move(done)](const TaskRecordPtr& record) mutable {
    if (record->state == TaskState::kCancelled) {
      std::move(done)(record);
    } else {
      std::move(done)(Ended(*record));
    }
  });
}

}  // namespace

TaskRecordPtr TaskDirectory::Show(const Task& task) const {
  TaskRecordPtr record = task.Snapshot();
  if (record->state != TaskState::kQueued) return record;
  const WaitReason why = parts_.queues.WhyWaits(task);
  // Where there is no worker, nobody is there for the urgent ones either.
  const bool is_shown = why == WaitReason::kPaused || record->wait_reason == WaitReason::kQueue;
  if (!is_shown || why == record->wait_reason) return record;
  Ref<TaskRecord> shown = MakeRef<TaskRecord>(*record);
  shown->wait_reason = why;
  return shown;
}

void TaskDirectory::Get(const std::string& name, RecordCallback done) {
  const TaskRef task = parts_.live.Find(name);
  if (task) {
    std::move(done)(Show(*task));
  } else {
    parts_.store.Read(name, std::move(done));
  }
}

void TaskDirectory::List(const TaskFilter& filter, int page_size, const std::string& page_token,
                         PageCallback done) {
  TaskFilter asked = filter;
  // To the store any state that is not terminal stands for all living ones.
  if (filter.only_living && !filter.state.has_value()) asked.state = TaskState::kQueued;
  parts_.store.List(asked, page_size, page_token,
                    [this, filter, done = std::move(done)](absl::StatusOr<TaskPage> page) mutable {
                      if (!page.ok()) return std::move(done)(page.status());
                      for (TaskRecord& record : page->records) {
                        if (IsTerminal(record.state)) continue;
                        const TaskRef task = parts_.live.Find(record.name());
                        if (!task) continue;  // It has just ended: shown as it was accepted.
                        TaskSpecPtr short_spec = std::move(record.spec);
                        record = *Show(*task);
                        record.spec = std::move(short_spec);
                        if (record.history->output.has_value()) {
                          record.history.Edit().output.reset();
                        }
                      }
                      if (filter.only_living) {
                        std::erase_if(page->records, [](const TaskRecord& record) {
                          return IsTerminal(record.state);
                        });
                      }
                      if (filter.state.has_value()) {
                        std::erase_if(page->records, [&](const TaskRecord& record) {
                          return record.state != *filter.state;
                        });
                      }
                      std::move(done)(std::move(page));
                    });
}

TaskRef TaskDirectory::FindLive(const std::string& name) { return parts_.live.Find(name); }

void TaskDirectory::Cancel(const std::string& name, RecordCallback done) {
  const TaskRef task = parts_.live.Find(name);
  if (task) {
    CancelLive(task, std::move(done));
    return;
  }
  parts_.store.Read(name, [done = std::move(done)](absl::StatusOr<TaskRecordPtr> record) mutable {
    if (!record.ok()) return std::move(done)(record.status());
    std::move(done)(Ended(**record));
  });
}

void TaskDirectory::CancelLive(const TaskRef& task, RecordCallback done) {
  const absl::Time now = parts_.clock.Now();
  const bool lives = task->Update([now](TaskRecord& record) {
    std::optional<absl::Time>& requested = record.history.Edit().cancel_requested_time;
    if (!requested.has_value()) requested = now;
  });
  // From here on whoever starts the task, or puts it back to wait, sees the request.
  if (lives && task->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling)) {
    parts_.queues.Remove(*task);
    AnswerWhenEnded(task, std::move(done));
    parts_.ender.EndUnstarted(task, TaskState::kCancelled, "CANCELLED");
    return;
  }
  const TaskPhase phase = task->phase();
  if (!lives || phase == TaskPhase::kCancelling || phase == TaskPhase::kEnded) {
    AnswerWhenEnded(task, std::move(done));
    return;
  }
  const Ref<RunningAttempt> running = task->running();
  if (running) running->RequestStop(StopReason::kCancelled);
  // Whoever takes the task over after a crash ends it: so that is written before it is answered.
  NoteProgress(parts_.store, *task,
               [task, done = std::move(done)](const absl::Status& status) mutable {
                 if (!status.ok()) return std::move(done)(status);
                 std::move(done)(task->Snapshot());
               });
}

void TaskDirectory::Delete(const std::string& name, StatusCallback done) {
  if (parts_.live.Find(name)) {
    std::move(done)(
        ReasonError(absl::StatusCode::kFailedPrecondition, "TASK_NOT_ENDED",
                    absl::StrCat("task \"", name, "\" has not ended: cancel it first")));
    return;
  }
  parts_.store.Delete(name, std::move(done));
}

}  // namespace taskforge

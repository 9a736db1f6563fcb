#include "task/task.h"

namespace taskforge {

Task::Task(TaskRecord record, Admission admission, TaskRunner& runner)
    : spec_(record.spec),
      name_(record.name),
      name_hash_(HashedKey(name_).hash),
      queue_index_(admission.queue_index()),
      runner_(runner),
      record_(std::move(record)),
      admission_(std::move(admission)) {
  Work::run = &Task::RunReleased;
  Work::priority = spec_->priority;
}

bool Task::RunReleased(Work& work, const Dispatch& dispatch) {
  // The reference that travelled through the ring.
  TaskRef task = TaskRef::Adopt(static_cast<Task*>(&work));
  TaskRunner& runner = task->runner_;
  return runner.Run(std::move(task), dispatch);
}

TaskRef Task::AdoptReleased(Work& work) {
  if (work.run != &Task::RunReleased) return nullptr;
  return TaskRef::Adopt(static_cast<Task*>(&work));
}

TaskRecord Task::Snapshot() const {
  MutexLock lock(mu_);
  return finished_ != nullptr ? *finished_ : record_;
}

TaskRecordPtr Task::finished_record() const {
  MutexLock lock(mu_);
  return finished_;
}

void Task::Finish(TaskRecordPtr record) {
  absl::InlinedVector<Finished, 1> callbacks;
  Admission admission;
  {
    MutexLock lock(mu_);
    finished_ = record;
    callbacks.swap(on_finished_);
    admission = std::move(admission_);
  }
  admission.GiveBack();
  NotifyWatchers();
  for (Finished& callback : callbacks) std::move(callback)(record);
  MutexLock lock(mu_);
  watchers_.clear();
}

void Task::OnFinished(Finished callback) {
  TaskRecordPtr record;
  {
    MutexLock lock(mu_);
    if (finished_ == nullptr) {
      on_finished_.push_back(std::move(callback));
      return;
    }
    record = finished_;
  }
  std::move(callback)(record);
}

Task::WatchId Task::Watch(std::shared_ptr<absl::AnyInvocable<void()>> callback) {
  MutexLock lock(mu_);
  watchers_.push_back({++last_watch_, std::move(callback)});
  return last_watch_;
}

void Task::Unwatch(WatchId id) {
  MutexLock lock(mu_);
  std::erase_if(watchers_, [id](const WatchEntry& entry) { return entry.id == id; });
}

void Task::NotifyWatchers() {
  std::vector<WatchEntry> watchers;
  {
    MutexLock lock(mu_);
    watchers = watchers_;
  }
  for (WatchEntry& watcher : watchers) (*watcher.callback)();
}

}  // namespace taskforge

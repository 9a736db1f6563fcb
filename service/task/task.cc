#include "task/task.h"

#include "base/hashed_key.h"

namespace taskforge {

Task::Task(TaskRecordPtr record, Admission admission, TaskRunner& runner)
    : queue_index_(static_cast<uint16_t>(admission.queue_index())),
      name_hash_(HashedKey(TaskNameText(*record).view()).Half()),
      accepted_(std::move(record)),
      runner_(runner),
      record_(accepted_),
      admission_(std::move(admission)) {
  Work::run = &Task::RunReleased;
  Work::priority = spec().priority;
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

TaskRecordPtr Task::Snapshot() const {
  SmallMutexLock lock(mu_);
  return record_;
}

TaskRecordPtr Task::finished_record() const {
  SmallMutexLock lock(mu_);
  return end_ == End::kShown ? record_ : nullptr;
}

void Task::Audience::OnFinished(uint64_t /*token*/, const TaskRecordPtr& record) {
  for (Finished& callback : on_finished) std::move(callback)(record);
}

void Task::Finish(TaskRecordPtr record) {
  TaskRecordPtr before;  // Let go without the lock, as who waited.
  Finished finished;
  const Audience* others = nullptr;
  Admission admission;
  {
    SmallMutexLock lock(mu_);
    before = std::exchange(record_, record);
    end_ = End::kShown;
    others = audience();
    has_audience_ = false;
    finished = std::move(on_finished_);
    admission = std::move(admission_);
  }
  admission.GiveBack();
  if (others != nullptr) Notify(others->watchers);
  if (finished) std::move(finished)(record);
}

void Task::OnFinished(Finished callback) {
  TaskRecordPtr record;
  {
    SmallMutexLock lock(mu_);
    if (end_ != End::kShown) {
      if (on_finished_) {
        MakeAudience().on_finished.push_back(std::move(callback));
      } else {
        on_finished_ = std::move(callback);
      }
      return;
    }
    record = record_;
  }
  std::move(callback)(record);
}

Task::WatchId Task::Watch(std::shared_ptr<absl::AnyInvocable<void()>> callback) {
  SmallMutexLock lock(mu_);
  Audience& audience = MakeAudience();
  audience.watchers.push_back({++audience.last_watch, std::move(callback)});
  return audience.last_watch;
}

void Task::Unwatch(WatchId id) {
  SmallMutexLock lock(mu_);
  if (audience() == nullptr) return;
  std::erase_if(audience()->watchers, [id](const WatchEntry& entry) { return entry.id == id; });
}

Task::Audience& Task::MakeAudience() {
  if (!has_audience_) {
    auto fresh = MakeRef<Audience>();
    if (on_finished_) fresh->on_finished.push_back(std::move(on_finished_));
    on_finished_ = Finished(std::move(fresh), 0);
    has_audience_ = true;
  }
  return *audience();
}

void Task::NotifyWatchers() {
  std::vector<WatchEntry> watchers;
  {
    SmallMutexLock lock(mu_);
    if (const Audience* const known = audience()) watchers = known->watchers;
  }
  Notify(watchers);
}

void Task::Notify(const std::vector<WatchEntry>& watchers) {
  for (const WatchEntry& watcher : watchers) (*watcher.callback)();
}

}  // namespace taskforge

// Reads and ends tasks by name, whether they live or are only in the store.
#ifndef TASKFORGE_LIFECYCLE_TASK_DIRECTORY_H_
#define TASKFORGE_LIFECYCLE_TASK_DIRECTORY_H_

#include <string>

#include "base/clock.h"
#include "store/task_store.h"
#include "task/live_tasks.h"
#include "task/task_api.h"
#include "task/task_ender.h"

namespace taskforge {

// A living task is shown as it is; one that has ended as the store keeps it. Thread-safe.
class TaskDirectory final : public TaskControl {
 public:
  // What it is joined to; all of it must outlive the directory.
  struct Parts {
    LiveTasks& live;
    TaskStore& store;
    TaskSink& queues;
    TaskEnder& ender;
    const Clock& clock;
  };

  explicit TaskDirectory(Parts parts) : parts_(parts) {}

  void Get(const std::string& name, RecordCallback done) override;
  void List(const TaskFilter& filter, int page_size, const std::string& page_token,
            PageCallback done) override;
  TaskRef FindLive(const std::string& name) override;
  // Answers with the record as it is once the cancel is decided: a task that waited has ended then,
  // and never starts; one that runs has been asked to stop.
  void Cancel(const std::string& name, RecordCallback done) override;
  void Delete(const std::string& name, StatusCallback done) override;

 private:
  // As it is now, with the wait reason as it is now.
  TaskRecordPtr Show(const Task& task) const;
  void CancelLive(const TaskRef& task, RecordCallback done);

  const Parts parts_;
};

}  // namespace taskforge

#endif  // TASKFORGE_LIFECYCLE_TASK_DIRECTORY_H_

// Notes with the store how far a living task is.
#ifndef TASKFORGE_LIFECYCLE_PROGRESS_NOTE_H_
#define TASKFORGE_LIFECYCLE_PROGRESS_NOTE_H_

#include "store/task_store.h"
#include "task/task.h"

namespace taskforge {

// Notes the task as it is. Of threads that change a task and note it at the same time none leaves
// an older note than another's behind: each looks again when it has noted. `written`, which may be
// empty, is TaskStore::Note's, for a note that has what the caller did before.
void NoteProgress(TaskStore& store, const Task& task, TaskStore::StatusCallback written);

}  // namespace taskforge

#endif  // TASKFORGE_LIFECYCLE_PROGRESS_NOTE_H_

#include "lifecycle/progress_note.h"

#include <utility>

namespace taskforge {

void NoteProgress(TaskStore& store, const Task& task, TaskStore::StatusCallback written) {
  for (;;) {
    const TaskRecordPtr noted = task.Snapshot();
    store.Note(noted, std::exchange(written, {}));
    if (task.Snapshot()->revision == noted->revision) return;
  }
}

}  // namespace taskforge

// Cancels all that waits in a queue.
#ifndef TASKFORGE_LIFECYCLE_QUEUE_PURGE_H_
#define TASKFORGE_LIFECYCLE_QUEUE_PURGE_H_

#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "task/live_tasks.h"
#include "task/task.h"
#include "task/task_ender.h"

namespace taskforge {

using PurgeDone = absl::AnyInvocable<void(uint64_t purged) &&>;

// Ends every living task of the queue that waits, be it for its turn, for a time or for its next
// attempt, as CANCELLED. `done` is told how many these were, once the end of each is kept: here, or
// on a thread of the store; it must be short. Tasks that start meanwhile go on; of those that are
// accepted meanwhile some may be met. Takes about a microsecond for each living task and some more
// for each that it ends, and calls those who wait for these. Thread-safe.
void PurgeQueue(absl::string_view queue, const LiveTasks& live, TaskSink& queues, TaskEnder& ender,
                const Clock& clock, PurgeDone done);

}  // namespace taskforge

#endif  // TASKFORGE_LIFECYCLE_QUEUE_PURGE_H_

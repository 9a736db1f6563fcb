// Cancels all that waits in a queue.
#ifndef TASKFORGE_LIFECYCLE_QUEUE_PURGE_H_
#define TASKFORGE_LIFECYCLE_QUEUE_PURGE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "task/live_tasks.h"
#include "task/task.h"
#include "task/task_ender.h"

namespace taskforge {

// Ends every living task of the queue that waits, be it for its turn, for a time or for its next
// attempt, as CANCELLED, and returns how many these were. Tasks that start meanwhile go on; of
// those that are accepted meanwhile some may be met. Takes about a microsecond for each living task
// and some more for each that it ends, and calls those who wait for these. Thread-safe.
uint64_t PurgeQueue(absl::string_view queue, const LiveTasks& live, TaskSink& queues,
                    TaskEnder& ender, const Clock& clock);

}  // namespace taskforge

#endif  // TASKFORGE_LIFECYCLE_QUEUE_PURGE_H_

#include "lifecycle/queue_purge.h"

#include <optional>
#include <utility>
#include <vector>

namespace taskforge {

uint64_t PurgeQueue(absl::string_view queue, const LiveTasks& live, TaskSink& queues,
                    TaskEnder& ender, const Clock& clock) {
  const absl::Time now = clock.Now();
  uint64_t purged = 0;
  for (TaskRef& task : live.WaitingIn(queue)) {
    // The phase first: a task that has started meanwhile is not asked to stop.
    if (!task->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling)) continue;
    task->Update([now](TaskRecord& record) {
      std::optional<absl::Time>& requested = record.history.Edit().cancel_requested_time;
      if (!requested.has_value()) requested = now;
    });
    queues.Remove(*task);
    ender.EndUnstarted(std::move(task), TaskState::kCancelled, "CANCELLED");
    ++purged;
  }
  return purged;
}

}  // namespace taskforge

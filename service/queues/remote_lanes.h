// The lanes of handlers that remote workers serve.
#ifndef TASKFORGE_QUEUES_REMOTE_LANES_H_
#define TASKFORGE_QUEUES_REMOTE_LANES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "queues/fair_list.h"
#include "queues/queue_gates.h"
#include "queues/slot_order.h"
#include "queues/task_queues.h"
#include "task/task.h"

namespace taskforge {

// One lock for all lanes, so that a claim sees all of its handlers' lanes at one time. A lane stays
// once it is there: there are as many as handlers that are or were remote. Thread-safe.
class RemoteLanes {
 public:
  // `gates` must outlive it.
  explicit RemoteLanes(const QueueGates& gates) : gates_(gates) {}

  // Returns whether the task can be claimed now: false when its phase is not QUEUED any more, or
  // its queue is paused.
  // REQUIRES: Work::enqueued is set.
  bool Enqueue(const TaskRef& task, TaskSink::Position position) ABSL_LOCKS_EXCLUDED(mu_);
  bool Remove(Task& task) ABSL_LOCKS_EXCLUDED(mu_);
  // In the task's own lane.
  bool HasMoreUrgent(const Task& task) const ABSL_LOCKS_EXCLUDED(mu_);
  // As TaskQueues::PlaceOf.
  TaskPlace PlaceOf(const Task& task, MonoTime now) const ABSL_LOCKS_EXCLUDED(mu_);
  // As TaskQueues::Claim.
  std::vector<TaskRef> Claim(const std::vector<std::string>& handlers, size_t max)
      ABSL_LOCKS_EXCLUDED(mu_);
  // As TaskQueues::SetLaneServed.
  void SetServed(absl::string_view handler, bool is_served) ABSL_LOCKS_EXCLUDED(mu_);
  // After the queue's gate was changed. Returns the handlers of the lanes in which tasks of the
  // queue can be claimed now.
  std::vector<std::string> Sync(size_t queue) ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<TaskRef> TakeAll() ABSL_LOCKS_EXCLUDED(mu_);

  void AddTo(std::vector<QueueStats>& queues, std::vector<LaneStats>& lanes, MonoTime now) const
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Lane {
    explicit Lane(const QueueGates& gates)
        : lists{FairList(gates), FairList(gates), FairList(gates), FairList(gates)} {}

    // Whether a task can be claimed.
    bool IsReady() const;

    std::array<FairList, kPriorityCount> lists;
    SlotOrder order;
    uint64_t led = 0;     // When it was last a claim's leader.
    uint64_t served = 0;  // When a task was last taken from it.
    bool is_served = false;
  };

  Lane& LaneOf(absl::string_view handler) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The next task for a claim on these lanes; null when its queue was paused a moment ago.
  // REQUIRES: one of them is ready.
  TaskRef Take(const std::vector<Lane*>& lanes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The lane with work of the priority which was served longest ago; null when there is none.
  static Lane* LaneWith(const std::vector<Lane*>& lanes, Priority priority);

  const QueueGates& gates_;
  mutable Mutex mu_;
  absl::flat_hash_map<std::string, std::unique_ptr<Lane>> lanes_ ABSL_GUARDED_BY(mu_);
  uint64_t turn_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_QUEUES_REMOTE_LANES_H_

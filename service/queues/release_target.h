// What the queues need of whoever runs local tasks: adapters.h puts the pool behind it.
#ifndef TASKFORGE_QUEUES_RELEASE_TARGET_H_
#define TASKFORGE_QUEUES_RELEASE_TARGET_H_

#include <cstddef>
#include <cstdint>

#include "task/priority.h"
#include "task/work.h"

namespace taskforge {

// A shallow layer of released work for each priority. Whoever takes work out of it gives the place
// back by a sequentially consistent operation, and *then* decides whether to call
// TaskQueues::Refill: when the layer has fallen below half, when a slot that is due to the priority
// finds it empty, and for each empty layer before it sleeps. Then no task is left behind: either
// that call sees a task that has come to wait, or the queue, which looks at Released() after it has
// put the task there, sees the place.
// Thread-safe. Takes no lock that another thread may hold for long, and calls nothing back.
class ReleaseTarget {
 public:
  virtual ~ReleaseTarget() = default;
  // Takes the work (and, for a task, the one reference that travels with it); it may run at once.
  // False, and nothing has happened, when the layer of its priority has no place, or it is closed.
  virtual bool TryRelease(Work& work) = 0;
  // Works of a priority that are released and not taken out yet. Sequentially consistent.
  virtual size_t Released(Priority priority) const = 0;
  // The places of each priority's layer now: about two for each running thread.
  virtual size_t ReleaseLimit() const = 0;
  // Dispatches so far that count for `priority` in the waiting bound.
  virtual uint64_t DispatchCount(Priority priority) const = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_QUEUES_RELEASE_TARGET_H_

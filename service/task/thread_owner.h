// For those who give up work that does not end: whose thread it holds.
#ifndef TASKFORGE_TASK_THREAD_OWNER_H_
#define TASKFORGE_TASK_THREAD_OWNER_H_

#include <cstdint>

namespace taskforge {

// Thread-safe.
class ThreadOwner {
 public:
  virtual ~ThreadOwner() = default;
  // Says that nobody waits any more for the work that was dispatched to `seat` with `ticket` (both
  // from its Dispatch). If the work still holds the seat's thread, the thread counts as lost: it no
  // longer stands in for the threads that there should be, and ends when the work does; returns
  // true. False: the work has returned. Never blocks.
  virtual bool Abandon(int seat, uint64_t ticket) = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_TASK_THREAD_OWNER_H_

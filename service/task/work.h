// A unit that the pool can run: the intrusive node that its rings carry. Submitting one allocates
// nothing. Tasks and the bus's drains embed it.
#ifndef TASKFORGE_TASK_WORK_H_
#define TASKFORGE_TASK_WORK_H_

#include <cstdint>

#include "base/clock.h"
#include "task/priority.h"

namespace taskforge {

// What the pool tells a piece of work as it starts it.
struct Dispatch {
  MonoTime started;     // The dispatch's one reading of the clock.
  uint64_t number = 0;  // Dispatches of the pool until now, this one included.
  uint32_t seats = 0;   // Seats that may have dispatched until now (M of the waiting bound).
  int seat = 0;         // The worker seat that runs it.
  uint64_t ticket = 0;  // Names this run of the seat (task/thread_owner.h); 0: on no seat.
  // Of `number`, the ones that count for the work's priority in the waiting bound: while low and
  // normal are at their running cap, nothing counts for them.
  uint64_t counted = 0;
};

// Not thread-safe: it belongs to whoever submits it, then to the pool until `run` is called, then
// to `run`, which may destroy it.
struct Work {
  // Runs the work; must not throw. Returns whether it did anything: false says that it had been
  // cancelled meanwhile, and then it does not count as a dispatch.
  using RunFunction = bool (*)(Work& work, const Dispatch& dispatch);

  RunFunction run = nullptr;
  MonoTime enqueued;                      // Set by the submitter; waits are measured from it.
  Priority priority = Priority::kNormal;  // Last: what embeds it has its next members right here.
};

}  // namespace taskforge

#endif  // TASKFORGE_TASK_WORK_H_

// The checker of the pool's waiting bound: recomputes it from a task's own record and from the
// pool's slots, as GetPool tells them (service/pool/slot_table.h has the proof).
#ifndef TASKFORGE_SUPPORT_WAITING_BOUND_H_
#define TASKFORGE_SUPPORT_WAITING_BOUND_H_

#include <cstdint>

#include "taskforge/v1/pool_service.pb.h"
#include "taskforge/v1/types.pb.h"

namespace taskforge {

struct WaitingBoundCheck {
  uint64_t waited = 0;    // Dispatches that passed the task before it started.
  uint64_t bound = 0;     // The most that may: W · (n / g + M), rounded up.
  bool is_known = false;  // The record says both when it was enqueued and when it started.

  bool holds() const { return is_known && waited <= bound; }
};

// Of the first attempt of `task`: later ones wait anew.
inline WaitingBoundCheck CheckWaitingBound(const v1::Task& task, const v1::Pool& pool) {
  WaitingBoundCheck check;
  uint64_t guaranteed = 0;
  for (const v1::PoolPriority& priority : pool.priorities()) {
    if (priority.priority() == task.priority()) guaranteed = priority.guaranteed_slots();
  }
  if (guaranteed == 0 || task.attempts_size() == 0) return check;
  const v1::Dispatch& dispatch = task.attempts(0).dispatch();
  if (dispatch.started() == 0) return check;
  const uint64_t passed =
      dispatch.started() > dispatch.enqueued() ? dispatch.started() - dispatch.enqueued() : 0;
  check.waited = passed > 0 ? passed - 1 : 0;  // The last of them is its own.
  check.bound = (pool.slots() * uint64_t{dispatch.ahead()} + guaranteed - 1) / guaranteed +
                uint64_t{pool.slots()} * dispatch.seats();
  check.is_known = true;
  return check;
}

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_WAITING_BOUND_H_

// Callbacks at a time: delays, retries, deadlines, leases.
#ifndef TASKFORGE_BASE_TIMER_H_
#define TASKFORGE_BASE_TIMER_H_

#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "base/clock.h"

namespace taskforge {

// Names a scheduled callback; 0 names none. Ids are never reused.
using TimerId = uint64_t;

// Thread-safe.
class Timer {
 public:
  virtual ~Timer() = default;

  // Runs `callback` once, not before `when`, on the timer's thread, without a lock held.
  // Callbacks must be short and must not block: they hand over to a queue. Callbacks of the same
  // time run in the order of their ScheduleAt calls. May be called from a callback.
  virtual TimerId ScheduleAt(MonoTime when, absl::AnyInvocable<void() &&> callback) = 0;

  // Returns true if the callback had not begun and never will; false if it ran, runs or is unknown.
  // Does not wait for a running callback, so it may be called from anywhere.
  virtual bool Cancel(TimerId id) = 0;
};

// One thread and an ordered map: O(log n) to schedule and to cancel; sleeps until the earliest
// callback on CLOCK_MONOTONIC and wakes for nothing else (no ticks).
// Thread-safe.
class ThreadTimer final : public Timer {
 public:
  ThreadTimer();
  ~ThreadTimer() override;  // Stop().

  // Drops what is left without running it, waits for a running callback and joins the thread; what
  // is scheduled later is dropped at once. Idempotent. REQUIRES: not called from a callback.
  void Stop();

  TimerId ScheduleAt(MonoTime when, absl::AnyInvocable<void() &&> callback) override;
  bool Cancel(TimerId id) override;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_TIMER_H_

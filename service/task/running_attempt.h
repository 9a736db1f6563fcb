// A running attempt, as those see it who may want it to end early.
#ifndef TASKFORGE_TASK_RUNNING_ATTEMPT_H_
#define TASKFORGE_TASK_RUNNING_ATTEMPT_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/ref.h"

namespace taskforge {

// Why a handler is asked to stop.
enum class StopReason : uint8_t { kNone, kCancelled, kTimeout, kDeadline, kShutdown };

constexpr absl::string_view Name(StopReason reason) {
  constexpr absl::string_view kNames[] = {"none", "cancelled", "timeout", "deadline", "shutdown"};
  return kNames[static_cast<int>(reason)];
}

// Thread-safe.
class RunningAttempt : public RefCounted<RunningAttempt> {
 public:
  virtual ~RunningAttempt() = default;
  // Asks its handler to stop. The first reason counts; does nothing once the attempt has ended.
  // Calls the handler's stop callback, so no lock may be held.
  virtual void RequestStop(StopReason reason) = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_TASK_RUNNING_ATTEMPT_H_

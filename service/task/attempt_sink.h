// What joins those who run attempts (runner/) with those who care for what follows (lifecycle/).
#ifndef TASKFORGE_TASK_ATTEMPT_SINK_H_
#define TASKFORGE_TASK_ATTEMPT_SINK_H_

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "base/clock.h"
#include "task/running_attempt.h"
#include "task/task.h"
#include "task/task_types.h"

namespace taskforge {

// How an attempt ended.
struct AttemptEnd {
  // The output, or why there is none.
  std::variant<Payload, TaskError> result;
  // Taken by a lost worker or lease: not the handler's doing. Then `result` holds the error.
  bool lost = false;
  MonoTime ended;
  int64_t run_ns = 0;
};

// Thread-safe.
class AttemptSink {
 public:
  virtual ~AttemptSink() = default;
  // The task's record has become RUNNING; its handler is called next.
  virtual void AttemptStarted(Task& task) = 0;
  // The running attempt has ended as `end`: called exactly once for each attempt, by whoever ended
  // it (a handler, a time-out, a lost worker). The task's phase is RUNNING, and the callee owns it
  // from now on. Must be short and must not block.
  virtual void AttemptEnded(TaskRef task, AttemptEnd end) = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_TASK_ATTEMPT_SINK_H_

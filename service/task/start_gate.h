// Whether a task that was released may start.
#ifndef TASKFORGE_TASK_START_GATE_H_
#define TASKFORGE_TASK_START_GATE_H_

#include "task/task.h"

namespace taskforge {

// Between the moment at which a task is given to the pool and its start its queue may have been
// paused. Thread-safe.
class StartGate {
 public:
  virtual ~StartGate() = default;
  // Puts a task (phase QUEUED) whose queue is paused back to its place there. False: it may start,
  // or somebody has cancelled it meanwhile. Cheap: asked before every start.
  virtual bool TakeBack(const TaskRef& task) = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_TASK_START_GATE_H_

// Starts attempts that run elsewhere.
#ifndef TASKFORGE_HANDLERS_REMOTE_STARTER_H_
#define TASKFORGE_HANDLERS_REMOTE_STARTER_H_

#include <optional>
#include <string>

#include "handlers/attempt.h"
#include "task/task.h"

namespace taskforge {

struct RemoteAttempt {
  Attempt attempt;
  Completion done;
};

// Thread-safe.
class RemoteStarter {
 public:
  virtual ~RemoteStarter() = default;
  // Starts an attempt of a claimed task (phase QUEUED), which then is RUNNING on `executor`
  // (`workers/NAME`). None when the task had been cancelled or had expired meanwhile.
  virtual std::optional<RemoteAttempt> StartRemote(TaskRef task, const std::string& executor) = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_HANDLERS_REMOTE_STARTER_H_

// Takes over the tasks that another life of the server left.
#ifndef TASKFORGE_INTAKE_RECOVERY_H_
#define TASKFORGE_INTAKE_RECOVERY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "intake/shared_names.h"
#include "intake/wait_starter.h"
#include "queues/task_queues.h"
#include "task/attempt_sink.h"
#include "task/live_tasks.h"
#include "task/task.h"
#include "task/uuid.h"

namespace taskforge {

struct RecoveryReport {
  size_t queued = 0;     // Wait for their turn, in their old order.
  size_t scheduled = 0;  // Wait for their time.
  size_t running = 0;    // Ran: the attempt is lost, and they run again unless they may not.
  size_t damaged = 0;    // Could not be read, and were left out, as store.accept_data_loss says.
  // Queues that were made, as by default, for tasks of queues that are not configured.
  std::vector<std::string> made_queues;
  size_t tasks() const { return queued + scheduled + running; }
};

// First every task is added, then they begin to wait: so that none starts while others may be
// missing. A queue may hold more than its limits after it; new tasks are refused until it does not.
// All parts must outlive it. Not thread-safe.
class Recovery {
 public:
  struct Parts {
    const Clock& clock;
    TaskQueues& queues;
    LiveTasks& live;
    TaskRunner& runner;
    AttemptSink& attempts;
    WaitStarter& waits;
    UuidSequence& uuids;  // Goes on after the greatest that was used.
  };

  explicit Recovery(const Parts& parts) : parts_(parts) {}

  // A record of a task that lives, as it was noted last; in the order of acceptance.
  void Add(Ref<TaskRecord> record);
  // FAILED_PRECONDITION, and nothing has begun: tasks are of queues that could not be made; the
  // message names them.
  absl::Status Check() const;
  // REQUIRES: Check() is OK; once.
  RecoveryReport Begin();

 private:
  bool MakeQueue(const std::string& name);

  const Parts parts_;
  SharedNames handlers_;
  std::vector<TaskRef> waiting_;
  std::vector<TaskRef> running_;
  std::vector<std::string> made_queues_;
  absl::flat_hash_map<std::string, size_t> unknown_queues_;  // With how many tasks each.
};

}  // namespace taskforge

#endif  // TASKFORGE_INTAKE_RECOVERY_H_

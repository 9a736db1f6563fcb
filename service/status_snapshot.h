// What the status page shows, made of the components' statistics.
#ifndef TASKFORGE_STATUS_SNAPSHOT_H_
#define TASKFORGE_STATUS_SNAPSHOT_H_

#include <vector>

#include "admin/status.h"
#include "bus/bus.h"
#include "handlers/registry.h"
#include "handlers/worker_hub.h"
#include "intake/intake.h"
#include "lifecycle/lifecycle.h"
#include "pool/stats.h"
#include "queues/task_queues.h"

namespace taskforge {

// One reading of each component.
struct StatusSources {
  IntakeStats intake;
  LifecycleStats lifecycle;
  std::vector<HandlerStatus> handlers;
  WorkerHubStats workers;
  TaskQueuesStats queues;
  PerPriority<size_t> released;  // By the queues, and not yet started.
  PoolStats pool;
  std::vector<ResizeEvent> resizes;  // The last few, newest first.
  double cpu_limit_cores = 0;
  BusStats bus;
};

// Everything but what is of the process: version, address, uptime, draining.
StatusSnapshot MakeStatus(const StatusSources& sources);

}  // namespace taskforge

#endif  // TASKFORGE_STATUS_SNAPSHOT_H_

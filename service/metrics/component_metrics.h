// The components' statistics as metrics: names, labels and help texts, in one place.
//
// Labels have bounded values: four priorities, seven states, the registered handlers (64, then
// `_other`), the configured queues (16, then `_other`), the methods of the API and gRPC's 17 codes.
// The most series: completed tasks, 17 queues x 65 handlers x 4 priorities x 4 states = 17,680, and
// only the combinations that happened.
#ifndef TASKFORGE_METRICS_COMPONENT_METRICS_H_
#define TASKFORGE_METRICS_COMPONENT_METRICS_H_

#include <string>
#include <vector>

#include "bus/bus.h"
#include "handlers/registry.h"
#include "handlers/worker_hub.h"
#include "intake/intake.h"
#include "lifecycle/lifecycle.h"
#include "metrics/families.h"
#include "pool/stats.h"
#include "queues/task_queues.h"
#include "rpc/rpc_stats.h"
#include "runner/runner.h"
#include "store/memory_store.h"

namespace taskforge {

// Queues beyond this many share the label `_other`.
inline constexpr size_t kMaxQueueLabels = 16;

void CollectPool(const PoolStats& stats, Families& families);
// What the waiting bound says for work with nothing ahead of it.
void CollectBounds(const PerPriority<uint64_t>& bounds, Families& families);
void CollectQueues(const TaskQueuesStats& stats, Families& families);
void CollectIntake(const IntakeStats& stats, Families& families);
void CollectLifecycle(const LifecycleStats& stats, Families& families);
void CollectRunner(const RunnerStats& stats, Families& families);
void CollectStore(const TaskStoreStats& stats, Families& families);
void CollectBus(const BusStats& stats, Families& families);
void CollectHandlers(const std::vector<HandlerStatus>& handlers, const WorkerHubStats& workers,
                     Families& families);
void CollectRpc(const RpcStats& stats, Families& families);

struct SelfStats {
  std::string version;
  std::string revision;
  std::string compiler;
  std::string grpc;
  std::string protobuf;
  bool draining = false;
  double cpu_limit_cores = 0;
  double throttled_seconds = 0;
  uint64_t log_messages_dropped = 0;
};
void CollectSelf(const SelfStats& stats, Families& families);

}  // namespace taskforge

#endif  // TASKFORGE_METRICS_COMPONENT_METRICS_H_

// The components' statistics as metrics: names, labels and help texts, in one place.
//
// Labels have bounded values: four priorities, seven states, the first 64 handlers and the first 16
// queues (the rest share `_other`), the methods of the API and gRPC's 17 codes. service/README.md
// says how many series that makes at most.
#ifndef TASKFORGE_METRICS_COMPONENT_METRICS_H_
#define TASKFORGE_METRICS_COMPONENT_METRICS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/label_table.h"
#include "bus/bus.h"
#include "handlers/registry.h"
#include "handlers/worker_hub.h"
#include "intake/intake.h"
#include "intake/recovery.h"
#include "lifecycle/lifecycle.h"
#include "metrics/families.h"
#include "pool/stats.h"
#include "queues/task_queues.h"
#include "rpc/rpc_stats.h"
#include "runner/runner.h"
#include "schedules/schedules.h"
#include "store/durable_store.h"

namespace taskforge {

// Queues beyond this many share the label `_other`.
inline constexpr size_t kMaxQueueLabels = 16;
// Handlers beyond this many, too.
inline constexpr size_t kMaxHandlerLabels = 64;

void CollectPool(const PoolStats& stats, Families& families);
// What the waiting bound says for work with nothing ahead of it.
void CollectBounds(const PerPriority<uint64_t>& bounds, Families& families);
void CollectQueues(const TaskQueuesStats& stats, Families& families);
void CollectIntake(const IntakeStats& stats, Families& families);
void CollectSchedules(const SchedulesStats& stats, Families& families);
void CollectLifecycle(const LifecycleStats& stats, Families& families);
void CollectRunner(const RunnerStats& stats, Families& families);
void CollectStore(const TaskStoreStats& stats, Families& families);
// What is there only with a data directory: none otherwise.
void CollectDisk(const std::optional<DurableStoreStats>& stats, const RecoveryReport& recovered,
                 Families& families);
// What AuditResidual() says (audit.h).
void CollectAudit(int64_t residual, Families& families);
void CollectBus(const BusStats& stats, Families& families);
// `labels` keeps a handler's name for all scrapes: one that comes later takes no other's label.
// What it has no place for is summed as `_other`.
void CollectLanes(const std::vector<LaneStats>& lanes, LabelTable& labels, Families& families);
void CollectHandlers(const std::vector<HandlerStatus>& handlers, LabelTable& labels,
                     Families& families);
void CollectWorkers(const WorkerHubStats& workers, Families& families);
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
  std::optional<absl::Time> certificate_expiry;  // None: no TLS.
  bool reload_succeeded = true;  // The last reload of the configuration; the start is the first.
  absl::Time reload_success_time = absl::UnixEpoch();
};
void CollectSelf(const SelfStats& stats, Families& families);

}  // namespace taskforge

#endif  // TASKFORGE_METRICS_COMPONENT_METRICS_H_

#include <map>
#include <string>

#include "metrics/component_metrics.h"

namespace taskforge {
namespace {

constexpr char kInfo[] = "taskforge_handler_info";
constexpr char kInfoHelp[] = "Handlers that are known: 1 for each; `_other` is how many more.";
constexpr char kUnserved[] = "taskforge_handler_unserved_tasks";
constexpr char kUnservedHelp[] = "Tasks that wait for a handler that no connected worker serves.";

}  // namespace

void CollectLanes(const std::vector<LaneStats>& lanes, LabelTable& labels, Families& families) {
  families.DeclareGauge(kUnserved, kUnservedHelp);
  std::map<std::string, double> waiting;
  for (const LaneStats& lane : lanes) {
    if (lane.handler.empty() || lane.is_served) continue;
    double& sum = waiting[labels.NameOf(labels.Index(lane.handler))];
    for (const Priority priority : kPriorities) sum += static_cast<double>(lane.waiting[priority]);
  }
  for (const auto& [handler, count] : waiting) {
    families.Gauge(kUnserved, kUnservedHelp, {{"handler", handler}}, count);
  }
}

void CollectHandlers(const std::vector<HandlerStatus>& handlers, LabelTable& labels,
                     Families& families) {
  double others = 0;
  std::map<std::string, double> running;
  for (const HandlerStatus& handler : handlers) {
    const size_t index = labels.Index(handler.info.name);
    running[labels.NameOf(index)] += static_cast<double>(handler.running);
    if (index == labels.count() - 1) {
      ++others;
      continue;
    }
    families.Gauge(kInfo, kInfoHelp,
                   {{"handler", handler.info.name},
                    {"kind", handler.info.kind == HandlerKind::kRemote ? "remote" : "built_in"},
                    {"version", handler.info.version}},
                   1);
  }
  if (others > 0) {
    families.Gauge(kInfo, kInfoHelp, {{"handler", "_other"}, {"kind", "_other"}, {"version", ""}},
                   others);
  }
  for (const auto& [handler, count] : running) {
    families.Gauge("taskforge_handler_running", "Attempts that run.", {{"handler", handler}},
                   count);
  }
}

void CollectWorkers(const WorkerHubStats& workers, Families& families) {
  families.Gauge("taskforge_workers", "Connected workers.", {{"state", "active"}},
                 static_cast<double>(workers.workers - workers.draining));
  families.Gauge("taskforge_workers", "Connected workers.", {{"state", "draining"}},
                 static_cast<double>(workers.draining));
  families.Counter("taskforge_lease_expirations_total",
                   "Workers that were silent for longer than their lease.", {},
                   static_cast<double>(workers.lease_expirations));
  families.Counter("taskforge_assignments_lost_total",
                   "Assignments that were taken back from lost workers.", {},
                   static_cast<double>(workers.lost));
}

}  // namespace taskforge

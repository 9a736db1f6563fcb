#include "status_snapshot.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace taskforge {
namespace {

void AddSubmissions(const IntakeStats& intake, StatusSnapshot& status) {
  for (const IntakeStats::Submitted& submitted : intake.submitted) {
    if (submitted.decision == Decision::kAccepted) status.submitted_total += submitted.count;
    if (submitted.decision > Decision::kDuplicate) status.rejected_total += submitted.count;
  }
}

void AddEnd(const LifecycleStats::Completed& completed, StatusSnapshot::Handler& handler,
            StatusSnapshot& status) {
  switch (completed.state) {
    case TaskState::kSucceeded:
      status.succeeded_total += completed.count;
      handler.succeeded_total += completed.count;
      break;
    case TaskState::kFailed:
      status.failed_total += completed.count;
      handler.failed_total += completed.count;
      break;
    case TaskState::kCancelled:
      status.cancelled_total += completed.count;
      break;
    default:
      status.expired_total += completed.count;
      break;
  }
}

// Those that are known now, and those that have ended tasks.
void AddHandlers(const StatusSources& sources, StatusSnapshot& status) {
  std::map<std::string, StatusSnapshot::Handler> handlers;
  for (const HandlerStatus& handler : sources.handlers) {
    handlers[handler.info.name].kind =
        handler.info.kind == HandlerKind::kRemote ? "worker" : "builtin";
  }
  for (const LifecycleStats::Completed& completed : sources.lifecycle.completed) {
    AddEnd(completed, handlers[completed.handler], status);
  }
  for (auto& [name, handler] : handlers) {
    handler.name = name;
    status.handlers.push_back(std::move(handler));
  }
  status.workers = sources.workers.workers;
}

void AddPriorities(const StatusSources& sources, StatusSnapshot& status) {
  PerPriority<HistogramSnapshot> waits;
  for (const LifecycleStats::QueueWait& wait : sources.lifecycle.queue_wait) {
    waits[wait.priority].Merge(wait.seconds);
  }
  for (size_t i = kPriorityCount; i-- > 0;) {
    const Priority p = kPriorities[i];
    StatusSnapshot::Priority priority;
    priority.name = std::string(Name(p));
    priority.waiting = sources.released[p];
    for (const QueueStats& queue : sources.queues.queues) priority.waiting += queue.waiting[p];
    priority.started_total = waits[p].count;
    if (waits[p].count > 0) {
      priority.wait_p50 = absl::Nanoseconds(waits[p].Quantile(0.5));
      priority.wait_p99 = absl::Nanoseconds(waits[p].Quantile(0.99));
    }
    status.priorities.push_back(std::move(priority));
  }
}

void AddPool(const StatusSources& sources, StatusSnapshot& status) {
  const PoolStats& pool = sources.pool;
  status.pool.busy = pool.busy - pool.blocked;
  status.pool.idle = pool.idle;
  status.pool.blocked = pool.blocked;
  status.pool.target = pool.target;
  status.pool.min = pool.settings.min_threads;
  status.pool.max = pool.settings.max_threads;
  status.pool.overloaded = pool.overloaded;
  status.pool.cpu_limit_cores = sources.cpu_limit_cores;
  for (const ResizeEvent& resize : sources.resizes) {
    status.pool.resizes.push_back(
        {resize.time, resize.from, resize.to, std::string(Name(resize.reason))});
  }
}

void AddQueues(const TaskQueuesStats& queues, StatusSnapshot& status) {
  for (const QueueStats& queue : queues.queues) {
    StatusSnapshot::Queue shown;
    shown.name = queue.options.name;
    absl::Duration oldest;
    for (const Priority p : kPriorities) {
      shown.waiting += queue.waiting[p];
      oldest = std::max(oldest, queue.oldest_age[p]);
    }
    shown.running = queue.tasks > shown.waiting ? queue.tasks - shown.waiting : 0;
    shown.tasks_limit = queue.options.max_tasks;
    shown.bytes = queue.bytes;
    shown.bytes_limit = queue.options.max_bytes;
    shown.paused = queue.options.is_paused;
    if (shown.waiting > 0) shown.oldest_age = oldest;
    status.queues.push_back(std::move(shown));
  }
}

void AddBus(const BusStats& bus, StatusSnapshot& status) {
  status.bus.subscribers = bus.subscriptions;
  for (const Priority p : kPriorities) status.bus.published_total += bus.published[p];
  status.bus.delivered_total = bus.delivered;
  for (const uint64_t dropped : bus.dropped_by_reason) status.bus.dropped_total += dropped;
}

}  // namespace

StatusSnapshot MakeStatus(const StatusSources& sources) {
  StatusSnapshot status;
  AddSubmissions(sources.intake, status);
  AddHandlers(sources, status);
  AddPriorities(sources, status);
  AddPool(sources, status);
  AddQueues(sources.queues, status);
  AddBus(sources.bus, status);
  return status;
}

}  // namespace taskforge

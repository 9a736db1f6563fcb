#include "metrics/component_metrics.h"

namespace taskforge {

void CollectPool(const PoolStats& stats, Families& families) {
  constexpr char kThreads[] = "taskforge_pool_threads";
  constexpr char kThreadsHelp[] = "Threads of the pool by what they do.";
  families.Gauge(kThreads, kThreadsHelp, {{"state", "busy"}}, stats.busy - stats.blocked);
  families.Gauge(kThreads, kThreadsHelp, {{"state", "idle"}}, stats.idle);
  families.Gauge(kThreads, kThreadsHelp, {{"state", "blocked"}}, stats.blocked);
  families.Gauge(kThreads, kThreadsHelp, {{"state", "abandoned"}}, stats.abandoned);
  families.Gauge("taskforge_pool_threads_target", "Threads that the controller wants.", {},
                 stats.target);
  families.Gauge("taskforge_pool_threads_min", "Least threads.", {}, stats.settings.min_threads);
  families.Gauge("taskforge_pool_threads_max", "Most threads.", {}, stats.settings.max_threads);
  families.Gauge("taskforge_pool_overloaded",
                 "1 while the processors have more to do than they can.", {}, stats.overloaded);
  families.Counter("taskforge_pool_busy_seconds_total", "Time that threads spent running work.", {},
                   stats.busy_seconds);
  families.Counter("taskforge_pool_dispatches_total", "Work that threads started.", {},
                   static_cast<double>(stats.dispatches));
  families.Counter("taskforge_pool_wakeups_total", "Sleeping threads that were woken.", {},
                   static_cast<double>(stats.wakeups));
  families.Counter("taskforge_pool_parks_total", "Times that a thread went to sleep.", {},
                   static_cast<double>(stats.parks));
  families.Counter("taskforge_pool_exceptions_total", "Exceptions that left a piece of work.", {},
                   static_cast<double>(stats.exceptions));
  families.Counter("taskforge_pool_thread_creation_failures_total",
                   "Threads that could not be created.", {},
                   static_cast<double>(stats.thread_creation_failures));
  families.Counter("taskforge_pool_affinity_failures_total",
                   "Threads that could not be put on the processors that pool.affinity names.", {},
                   static_cast<double>(stats.affinity_failures));
  families.Counter("taskforge_pool_flips_total",
                   "Times that growing followed shrinking or shrinking growing.", {},
                   static_cast<double>(stats.resizes.flips));
  for (const ResizeDirection direction : {ResizeDirection::kGrow, ResizeDirection::kShrink}) {
    const auto& by_reason = stats.resizes.by_reason[static_cast<size_t>(direction)];
    for (size_t reason = 1; reason < by_reason.size(); ++reason) {
      families.Counter("taskforge_pool_resizes_total", "Changes of the number of threads.",
                       {{"direction", std::string(Name(direction))},
                        {"reason", std::string(Name(static_cast<ScalingReason>(reason)))}},
                       static_cast<double>(by_reason[reason]));
    }
  }
}

void CollectBounds(const PerPriority<uint64_t>& bounds, Families& families) {
  for (const Priority priority : kPriorities) {
    families.Gauge(
        "taskforge_pool_starvation_bound_dispatches",
        "Dispatches after which work with nothing ahead of it has started at the latest.",
        {{"priority", std::string(Name(priority))}}, static_cast<double>(bounds[priority]));
  }
}

}  // namespace taskforge

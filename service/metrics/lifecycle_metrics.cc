#include "metrics/component_metrics.h"

namespace taskforge {

void CollectLifecycle(const LifecycleStats& stats, Families& families) {
  for (const LifecycleStats::Completed& completed : stats.completed) {
    families.Counter("taskforge_tasks_completed_total", "Tasks that ended, by how.",
                     {{"queue", completed.queue},
                      {"handler", completed.handler},
                      {"priority", std::string(Name(completed.priority))},
                      {"state", std::string(Name(completed.state))}},
                     static_cast<double>(completed.count));
  }
  for (const LifecycleStats::Retried& retried : stats.retried) {
    families.Counter("taskforge_tasks_retried_total", "Attempts after a failed one.",
                     {{"handler", retried.handler}}, static_cast<double>(retried.count));
  }
  for (size_t stage = 0; stage < kStageCount; ++stage) {
    const Labels labels = {{"stage", std::string(Name(static_cast<Stage>(stage)))}};
    families.Counter("taskforge_tasks_cancelled_total", "Cancelled tasks, by where they were.",
                     labels, static_cast<double>(stats.cancelled[stage]));
    families.Counter("taskforge_tasks_expired_total", "Expired tasks, by where they were.", labels,
                     static_cast<double>(stats.expired[stage]));
  }
  for (const LifecycleStats::QueueWait& wait : stats.queue_wait) {
    families.Histogram("taskforge_task_queue_seconds", "How long attempts waited for their turn.",
                       {{"queue", wait.queue}, {"priority", std::string(Name(wait.priority))}},
                       wait.seconds, WaitBuckets());
  }
  for (const LifecycleStats::Run& run : stats.run) {
    families.Histogram("taskforge_task_run_seconds", "How long attempts ran.",
                       {{"handler", run.handler}}, run.seconds, RunBuckets());
  }
  for (const Priority priority : kPriorities) {
    families.Histogram("taskforge_task_total_seconds", "From acceptance until the end is recorded.",
                       {{"priority", std::string(Name(priority))}}, stats.total[priority],
                       RunBuckets());
  }
  families.Counter("taskforge_attempts_lost_total", "Attempts that were lost with their worker.",
                   {}, static_cast<double>(stats.lost_attempts));
  families.Counter("taskforge_store_retries_total", "Ends that had to be written again.", {},
                   static_cast<double>(stats.store_retries));
}

}  // namespace taskforge

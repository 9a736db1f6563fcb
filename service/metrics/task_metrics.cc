#include <algorithm>
#include <map>

#include "metrics/component_metrics.h"

namespace taskforge {
namespace {

std::string Label(Priority priority) { return std::string(Name(priority)); }

}  // namespace

void CollectQueues(const TaskQueuesStats& stats, Families& families) {
  struct Sum {
    double tasks = 0, max_tasks = 0, bytes = 0, max_bytes = 0, paused = 0;
    PerPriority<double> waiting, oldest;
  };
  std::map<std::string, Sum> sums;
  for (const QueueStats& queue : stats.queues) {
    const bool own = sums.size() < kMaxQueueLabels;
    Sum& sum = sums[own ? queue.options.name : "_other"];
    sum.tasks += static_cast<double>(queue.tasks);
    sum.max_tasks += static_cast<double>(queue.options.max_tasks);
    sum.bytes += static_cast<double>(queue.bytes);
    sum.max_bytes += static_cast<double>(queue.options.max_bytes);
    sum.paused += queue.options.is_paused ? 1 : 0;
    for (const Priority priority : kPriorities) {
      sum.waiting[priority] += static_cast<double>(queue.waiting[priority]);
      sum.oldest[priority] =
          std::max(sum.oldest[priority], absl::ToDoubleSeconds(queue.oldest_age[priority]));
    }
  }
  for (const auto& [name, sum] : sums) {
    for (const Priority priority : kPriorities) {
      const Labels labels = {{"queue", name}, {"priority", Label(priority)}};
      families.Gauge("taskforge_queue_tasks", "Tasks that wait in a queue.", labels,
                     sum.waiting[priority]);
      families.Gauge("taskforge_queue_oldest_task_age_seconds",
                     "How long the oldest waiting task has waited.", labels, sum.oldest[priority]);
    }
    const Labels labels = {{"queue", name}};
    families.Gauge("taskforge_queue_admitted_tasks",
                   "Tasks that count against the queue's limit, running ones included.", labels,
                   sum.tasks);
    families.Gauge("taskforge_queue_tasks_limit", "Tasks that the queue may hold.", labels,
                   sum.max_tasks);
    families.Gauge("taskforge_queue_bytes", "Bytes of those tasks.", labels, sum.bytes);
    families.Gauge("taskforge_queue_bytes_limit", "Bytes that the queue may hold.", labels,
                   sum.max_bytes);
    families.Gauge("taskforge_queue_paused", "Queues of this name that are paused.", labels,
                   sum.paused);
  }
}

void CollectIntake(const IntakeStats& stats, Families& families) {
  for (const IntakeStats::Submitted& submitted : stats.submitted) {
    families.Counter("taskforge_tasks_submitted_total", "Submissions, by what became of them.",
                     {{"queue", submitted.queue},
                      {"priority", Label(submitted.priority)},
                      {"decision", std::string(Name(submitted.decision))}},
                     static_cast<double>(submitted.count));
  }
  families.Gauge("taskforge_request_ids", "request_ids that are remembered.", {},
                 static_cast<double>(stats.request_ids));
}

void CollectRunner(const RunnerStats& stats, Families& families) {
  families.Counter("taskforge_attempts_started_total", "Attempts that began.", {},
                   static_cast<double>(stats.started));
  families.Counter("taskforge_attempts_timed_out_total",
                   "Attempts that were asked to stop by a time-out.", {},
                   static_cast<double>(stats.timed_out));
  families.Counter("taskforge_attempts_abandoned_total",
                   "Attempts whose handler did not stop when asked.", {},
                   static_cast<double>(stats.abandoned));
  families.Counter("taskforge_results_refused_total",
                   "Results that came after their attempt had ended.", {},
                   static_cast<double>(stats.refused));
}

void CollectStore(const TaskStoreStats& stats, Families& families) {
  families.Gauge("taskforge_store_finished_tasks", "Finished tasks that are kept.", {},
                 static_cast<double>(stats.finished_records));
  families.Gauge("taskforge_store_finished_bytes", "Their bytes.", {},
                 static_cast<double>(stats.finished_bytes));
  families.Counter("taskforge_store_expired_total",
                   "Finished tasks in memory that went at their time.", {},
                   static_cast<double>(stats.expired));
  families.Counter("taskforge_store_evicted_total", "What went before its time because of a cap.",
                   {{"what", "output"}}, static_cast<double>(stats.outputs_evicted));
  families.Counter("taskforge_store_evicted_total", "What went before its time because of a cap.",
                   {{"what", "task"}}, static_cast<double>(stats.records_evicted));
  families.Counter("taskforge_store_errors_total", "Writes that failed.", {},
                   static_cast<double>(stats.errors));
}

void CollectDisk(const std::optional<DurableStoreStats>& stats, const RecoveryReport& recovered,
                 Families& families) {
  if (!stats.has_value()) return;
  const StoreEngineStats& engine = stats->engine;
  families.Counter("taskforge_store_commits_total", "Batches that were written to the disk.", {},
                   static_cast<double>(engine.writes));
  families.Counter("taskforge_store_syncs_total", "Times that the log was synced.", {},
                   static_cast<double>(engine.syncs));
  families.Counter("taskforge_store_written_bytes_total", "Bytes of the batches.", {},
                   static_cast<double>(engine.bytes_written));
  families.Gauge("taskforge_store_disk_bytes", "Bytes of the store's files.", {},
                 static_cast<double>(engine.disk_bytes));
  families.Gauge("taskforge_store_memory_bytes", "Bytes that the store holds in memory.", {},
                 static_cast<double>(engine.memory_bytes));
  families.Gauge("taskforge_store_waiting_writes", "Writes that wait for a commit.", {},
                 static_cast<double>(stats->waiting_writes));
  families.Gauge("taskforge_store_failed",
                 "1: the disk failed, nothing is accepted, and the server ends.", {},
                 stats->has_failed ? 1 : 0);
  families.Counter("taskforge_store_committed_writes_total",
                   "Writes in the batches: acceptances, notes, results.", {},
                   static_cast<double>(stats->committed_writes));
  families.Histogram("taskforge_store_sync_seconds", "How long a batch took that was synced.", {},
                     engine.sync_time, WaitBuckets());
  families.Counter("taskforge_store_marks_failed_total",
                   "Notes of how far the log was synced that could not be written.", {},
                   static_cast<double>(engine.marks_failed));
  const auto stall = [&](const char* how, bool is_so) {
    families.Gauge("taskforge_store_stalled",
                   "1: the store slows writes down, or stops them, until it has fewer files.",
                   {{"how", how}}, is_so ? 1 : 0);
  };
  stall("slowed", engine.is_slowed);
  stall("stopped", engine.is_stopped);
  const char* const free_help = "Bytes that are free on the disk of the data directory.";
  families.DeclareGauge("taskforge_store_free_bytes", free_help);
  if (stats->free_bytes.has_value()) {
    families.Gauge("taskforge_store_free_bytes", free_help, {},
                   static_cast<double>(*stats->free_bytes));
  }
  const auto count = [&](const char* state, size_t tasks) {
    families.Gauge("taskforge_recovered_tasks", "Tasks that this start took over, by their state.",
                   {{"state", state}}, static_cast<double>(tasks));
  };
  count("queued", recovered.queued);
  count("scheduled", recovered.scheduled);
  count("running", recovered.running);
}

void CollectAudit(int64_t residual, Families& families) {
  families.Gauge("taskforge_audit_residual",
                 "Accepted and taken over, less ended and living: more or less than 0 is an error.",
                 {}, static_cast<double>(residual));
}

}  // namespace taskforge

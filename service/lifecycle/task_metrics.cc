#include "lifecycle/task_metrics.h"

namespace taskforge {
namespace {

constexpr TaskState kEnds[] = {TaskState::kSucceeded, TaskState::kFailed, TaskState::kCancelled,
                               TaskState::kExpired};

constexpr size_t IndexOfEnd(TaskState state) {
  return static_cast<size_t>(state) - static_cast<size_t>(TaskState::kSucceeded);
}

// The indices of a table that have been given out, `_other` if anything fell there is the last.
std::vector<std::pair<size_t, std::string>> Seen(const LabelTable& table) {
  std::vector<std::pair<size_t, std::string>> seen;
  const std::vector<std::string> names = table.Names();
  for (size_t i = 0; i < names.size(); ++i) seen.emplace_back(i, names[i]);
  if (names.size() + 1 == table.count()) seen.emplace_back(names.size(), "_other");
  return seen;
}

}  // namespace

TaskMetrics::TaskMetrics()
    : completed_(queues_.count() * handlers_.count() * kPriorityCount * kEndStates),
      retried_(handlers_.count()),
      queue_wait_(queues_.count() * kPriorityCount),
      run_(handlers_.count()) {}

void TaskMetrics::CountAttempt(const TaskSpec& spec, int64_t queue_wait_ns, int64_t run_ns) {
  queue_wait_.Record(queues_.Index(spec.queue) * kPriorityCount + Index(spec.priority),
                     queue_wait_ns);
  run_.Record(handlers_.Index(spec.handler), run_ns);
}

void TaskMetrics::CountEnd(const TaskRecord& record, Stage stage) {
  const TaskSpec& spec = *record.spec;
  completed_.Add(CompletedIndex(queues_.Index(spec.queue), handlers_.Index(spec.handler),
                                Index(spec.priority), IndexOfEnd(record.state)));
  total_.Record(Index(spec.priority),
                absl::ToInt64Nanoseconds(record.history->end_time - record.create_time));
  if (record.state == TaskState::kCancelled) cancelled_.Add(static_cast<size_t>(stage));
  if (record.state == TaskState::kExpired) expired_.Add(static_cast<size_t>(stage));
}

uint64_t TaskMetrics::ended() const {
  uint64_t sum = 0;
  const auto handlers = Seen(handlers_);
  for (const auto& [queue, queue_name] : Seen(queues_)) {
    for (const auto& [handler, handler_name] : handlers) {
      for (const Priority priority : kPriorities) {
        for (const TaskState state : kEnds) {
          sum += completed_.Sum(CompletedIndex(queue, handler, Index(priority), IndexOfEnd(state)));
        }
      }
    }
  }
  return sum;
}

LifecycleStats TaskMetrics::Stats() const {
  LifecycleStats stats;
  const auto queues = Seen(queues_);
  const auto handlers = Seen(handlers_);
  for (const auto& [queue, queue_name] : queues) {
    for (const Priority priority : kPriorities) {
      stats.queue_wait.push_back(
          {queue_name, priority, queue_wait_.Snapshot(queue * kPriorityCount + Index(priority))});
      for (const auto& [handler, handler_name] : handlers) {
        for (const TaskState state : kEnds) {
          const uint64_t count =
              completed_.Sum(CompletedIndex(queue, handler, Index(priority), IndexOfEnd(state)));
          if (count == 0) continue;
          stats.completed.push_back({queue_name, handler_name, priority, state, count});
        }
      }
    }
  }
  for (const auto& [handler, name] : handlers) {
    stats.retried.push_back({name, retried_.Sum(handler)});
    stats.run.push_back({name, run_.Snapshot(handler)});
  }
  for (size_t i = 0; i < kStageCount; ++i) {
    stats.cancelled[i] = cancelled_.Sum(i);
    stats.expired[i] = expired_.Sum(i);
  }
  for (const Priority priority : kPriorities) {
    stats.total[priority] = total_.Snapshot(Index(priority));
  }
  stats.lost_attempts = lost_.Sum();
  stats.store_retries = store_retries_.Sum();
  return stats;
}

}  // namespace taskforge

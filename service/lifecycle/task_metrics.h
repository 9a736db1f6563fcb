// What is counted of tasks that start, end and start again.
#ifndef TASKFORGE_LIFECYCLE_TASK_METRICS_H_
#define TASKFORGE_LIFECYCLE_TASK_METRICS_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "base/label_table.h"
#include "base/sharded_counter.h"
#include "task/priority.h"
#include "task/task_types.h"

namespace taskforge {

// Where in its life a task was when it was cancelled, or expired.
enum class Stage : uint8_t { kScheduled, kQueued, kRunning };
inline constexpr size_t kStageCount = 3;
constexpr absl::string_view Name(Stage stage) {
  constexpr absl::string_view kNames[] = {"scheduled", "queued", "running"};
  return kNames[static_cast<int>(stage)];
}

// Names of queues and handlers are those of the first 16 and 64; what comes later is `_other`.
struct LifecycleStats {
  struct Completed {
    std::string queue;
    std::string handler;
    Priority priority;
    TaskState state;
    uint64_t count;
  };
  struct Retried {
    std::string handler;
    uint64_t count;
  };
  struct QueueWait {
    std::string queue;
    Priority priority;
    HistogramSnapshot seconds;  // In nanoseconds, as all of them.
  };
  struct Run {
    std::string handler;
    HistogramSnapshot seconds;
  };

  std::vector<Completed> completed;  // Where the count is not zero.
  std::vector<Retried> retried;      // For each handler that was seen.
  std::array<uint64_t, kStageCount> cancelled{};
  std::array<uint64_t, kStageCount> expired{};
  std::vector<QueueWait> queue_wait;     // Of attempts; for each queue that was seen.
  std::vector<Run> run;                  // Of attempts; for each handler that was seen.
  PerPriority<HistogramSnapshot> total;  // From acceptance until the end.
  uint64_t lost_attempts = 0;
  uint64_t store_retries = 0;  // Writes of an end that failed and were tried again.
};

// Thread-safe.
class TaskMetrics {
 public:
  TaskMetrics();

  void CountAttempt(const TaskSpec& spec, int64_t queue_wait_ns, int64_t run_ns);
  void CountRetry(const TaskSpec& spec) { retried_.Add(handlers_.Index(spec.handler)); }
  void CountLost() { lost_.Add(); }
  void CountStoreRetry() { store_retries_.Add(); }
  // A recorded end. `stage` is where the task was before.
  void CountEnd(const TaskRecord& record, Stage stage);

  LifecycleStats Stats() const;
  // The ends that were counted. Cheaper than all of Stats().
  uint64_t ended() const;

 private:
  static constexpr size_t kQueueLabels = 16;
  static constexpr size_t kHandlerLabels = 64;
  static constexpr size_t kEndStates = 4;

  size_t CompletedIndex(size_t queue, size_t handler, size_t priority, size_t state) const {
    return ((queue * handlers_.count() + handler) * kPriorityCount + priority) * kEndStates + state;
  }

  LabelTable queues_{kQueueLabels};
  LabelTable handlers_{kHandlerLabels};
  ShardedCounters completed_;
  ShardedCounters retried_;
  ShardedCounters cancelled_{kStageCount};
  ShardedCounters expired_{kStageCount};
  ShardedCounter lost_;
  ShardedCounter store_retries_;
  ShardedHistograms queue_wait_;
  ShardedHistograms run_;
  ShardedHistograms total_{kPriorityCount};
};

}  // namespace taskforge

#endif  // TASKFORGE_LIFECYCLE_TASK_METRICS_H_

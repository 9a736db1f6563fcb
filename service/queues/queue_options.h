// What a queue is set to: the limits, and what was done to it by hand and why. Plain values, so
// that they can be kept anywhere.
#ifndef TASKFORGE_QUEUES_QUEUE_OPTIONS_H_
#define TASKFORGE_QUEUES_QUEUE_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/error.h"
#include "task/priority.h"
#include "task/task_defaults.h"

namespace taskforge {

// Queues at once.
inline constexpr size_t kMaxQueues = 1000;
inline constexpr size_t kMaxQueueTasks = 1'000'000'000;
// An admission counts no further (task/admission.h).
inline constexpr size_t kMaxQueueBytes = size_t{1} << 47;
// Of why a queue was paused, resumed or purged.
inline constexpr size_t kMaxQueueReasonBytes = 256;

// The last time that somebody did something to a queue.
struct QueueAct {
  absl::Time time = absl::InfinitePast();  // InfinitePast(): it never was done.
  std::string reason;                      // As it was given; may be empty.
  bool operator==(const QueueAct&) const = default;
};

struct QueueOptions {
  std::string name = "default";
  // Living tasks: waiting, running or between attempts. A full queue refuses.
  size_t max_tasks = 100'000;
  // Of their inputs, labels and fixed cost (CostBytes).
  size_t max_bytes = size_t{256} << 20;
  // For tasks that ask for none.
  std::optional<Priority> default_priority;
  QueueTaskDefaults task_defaults;

  // A paused queue accepts, and nothing of it starts.
  bool is_paused = false;
  QueueAct paused;
  QueueAct resumed;
  QueueAct purged;
  uint64_t purged_tasks = 0;  // By that purge.

  bool operator==(const QueueOptions&) const = default;

  // Everything that is wrong with name, limits and defaults, with the limit and the way out. The
  // fields are named as in the API. Empty: nothing. `best`: the best durability that there is.
  std::vector<FieldViolation> Validate(Durability best) const;
};

// A change of a queue's settings: what is not set stays.
struct QueueUpdate {
  std::optional<size_t> max_tasks;
  std::optional<size_t> max_bytes;
  // Set to nothing: the queue has none from now on.
  std::optional<std::optional<Priority>> default_priority;
  std::optional<Durability> default_durability;
  std::optional<absl::Duration> default_queue_timeout;
  std::optional<absl::Duration> default_run_timeout;
  std::optional<RetryPolicy> default_retry_policy;

  void ApplyTo(QueueOptions& options) const;
};

// What is wrong with a reason to pause, resume or purge, as violation of the field `reason`.
std::vector<FieldViolation> ValidateQueueReason(absl::string_view reason);

struct TaskQueuesOptions {
  // Those of the start. A queue `default` is added if none has the name. At most kMaxQueues.
  std::vector<QueueOptions> queues;
  // That the server offers: a queue may not promise more.
  Durability best_durability = Durability::kDurable;
  // Every error at once: names, limits, double names. Empty: valid.
  std::vector<std::string> Validate() const;
};

// NOT_FOUND, reason QUEUE_UNKNOWN, with the names that are most like `queue`, or, if none is, with
// some that there are. `names` are all of them.
absl::Status QueueUnknownError(absl::string_view queue, const std::vector<std::string>& names);

}  // namespace taskforge

#endif  // TASKFORGE_QUEUES_QUEUE_OPTIONS_H_

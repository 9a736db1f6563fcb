#include "queues/queue_options.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/edit_distance.h"
#include "base/utf8.h"
#include "task/validation.h"

namespace taskforge {
namespace {

constexpr size_t kNearNames = 3;
constexpr size_t kNamesShown = 10;

void CheckLimit(absl::string_view field, size_t value, size_t most,
                std::vector<FieldViolation>& violations) {
  if (value >= 1 && value <= most) return;
  violations.push_back(
      {std::string(field),
       absl::StrCat("want 1 to ", most, ", not ", value,
                    value == 0 ? ": to take no more tasks from anybody, delete the queue" : "")});
}

std::vector<std::string> Near(absl::string_view queue, const std::vector<std::string>& names) {
  const size_t tolerated = std::max<size_t>(2, queue.size() / 3);
  std::vector<std::pair<size_t, std::string>> found;
  for (const std::string& name : names) {
    const size_t distance = EditDistance(queue.substr(0, 2 * kMaxNameBytes), name);
    if (distance <= tolerated) found.emplace_back(distance, name);
  }
  std::sort(found.begin(), found.end());
  if (found.size() > kNearNames) found.resize(kNearNames);
  std::vector<std::string> near;
  for (auto& [distance, name] : found) near.push_back(std::move(name));
  return near;
}

}  // namespace

std::vector<FieldViolation> QueueOptions::Validate(Durability best) const {
  std::vector<FieldViolation> violations;
  if (!IsQueueName(name)) {
    violations.push_back(
        {"name", absl::StrCat("\"", name, "\" is not a queue's name: [a-z][a-z0-9_-]{0,62}")});
  }
  CheckLimit("max_tasks", max_tasks, kMaxQueueTasks, violations);
  CheckLimit("max_bytes", max_bytes, kMaxQueueBytes, violations);
  for (FieldViolation& violation : task_defaults.Validate()) {
    violations.push_back(std::move(violation));
  }
  if (task_defaults.durability > best) {
    violations.push_back(
        {"default_durability", absl::StrCat("is ", Name(task_defaults.durability),
                                            ", better than this server offers: ", Name(best),
                                            " (data_dir gives it a disk)")});
  }
  return violations;
}

void QueueUpdate::ApplyTo(QueueOptions& options) const {
  if (max_tasks.has_value()) options.max_tasks = *max_tasks;
  if (max_bytes.has_value()) options.max_bytes = *max_bytes;
  if (default_priority.has_value()) options.default_priority = *default_priority;
  QueueTaskDefaults& defaults = options.task_defaults;
  if (default_durability.has_value()) defaults.durability = *default_durability;
  if (default_queue_timeout.has_value()) defaults.queue_timeout = *default_queue_timeout;
  if (default_run_timeout.has_value()) defaults.run_timeout = *default_run_timeout;
  if (default_retry_policy.has_value()) defaults.retry = *default_retry_policy;
}

std::vector<FieldViolation> ValidateQueueReason(absl::string_view reason) {
  if (reason.size() > kMaxQueueReasonBytes) {
    return {{"reason", absl::StrCat(reason.size(), " bytes; at most ", kMaxQueueReasonBytes)}};
  }
  if (!IsUtf8(reason)) return {{"reason", "not UTF-8"}};
  return {};
}

std::vector<std::string> TaskQueuesOptions::Validate() const {
  std::vector<std::string> errors;
  std::set<std::string> names;
  if (queues.size() > kMaxQueues) {
    errors.push_back(absl::StrCat("queues: ", queues.size(), " queues; at most ", kMaxQueues));
  }
  for (const QueueOptions& queue : queues) {
    const std::string where = absl::StrCat("queues: \"", queue.name, "\"");
    for (const FieldViolation& violation : queue.Validate(best_durability)) {
      errors.push_back(absl::StrCat(where, ": ", violation.field, ": ", violation.description));
    }
    if (!names.insert(queue.name).second) errors.push_back(absl::StrCat(where, " stands twice"));
  }
  return errors;
}

absl::Status QueueUnknownError(absl::string_view queue, const std::vector<std::string>& names) {
  ErrorDetails details;
  details.reason = "QUEUE_UNKNOWN";
  details.metadata["queue"] = std::string(queue);
  std::string message = absl::StrCat("there is no queue \"", queue, "\"");
  const std::vector<std::string> near = Near(queue, names);
  if (!near.empty()) {
    details.metadata["near"] = absl::StrJoin(near, ",");
    absl::StrAppend(&message, ": did you mean \"", absl::StrJoin(near, "\" or \""), "\"?");
  } else {
    const size_t shown = std::min(names.size(), kNamesShown);
    absl::StrAppend(&message, "; there are ",
                    absl::StrJoin(absl::MakeConstSpan(names).first(shown), ", "),
                    shown < names.size() ? ", …" : "", ": create it first (CreateQueue)");
  }
  return WithDetails(absl::NotFoundError(message), details);
}

}  // namespace taskforge

#include "rpc/names.h"

#include "absl/strings/strip.h"
#include "task/task_types.h"
#include "task/validation.h"

namespace taskforge {
namespace {

absl::string_view StripNamespace(absl::string_view name) {
  absl::ConsumePrefix(&name, "namespaces/default/");
  return name;
}

}  // namespace

std::optional<std::string> ParseTaskName(absl::string_view name) {
  name = StripNamespace(name);
  if (IsTaskId(name)) return TaskName(kDefaultQueue, std::string(name));
  if (!absl::ConsumePrefix(&name, "queues/")) return std::nullopt;
  const size_t slash = name.find('/');
  if (slash == absl::string_view::npos) return std::nullopt;
  const absl::string_view queue = name.substr(0, slash);
  absl::string_view task = name.substr(slash + 1);
  if (!absl::ConsumePrefix(&task, "tasks/")) return std::nullopt;
  if (!IsQueueName(queue) || !IsTaskId(task)) return std::nullopt;
  return TaskName(std::string(queue), std::string(task));
}

std::optional<std::string> ParseQueueParent(absl::string_view parent) {
  parent = StripNamespace(parent);
  if (parent.empty()) return kDefaultQueue;
  if (!absl::ConsumePrefix(&parent, "queues/") || !IsQueueName(parent)) return std::nullopt;
  return std::string(parent);
}

absl::string_view StripCollection(absl::string_view name, absl::string_view collection) {
  name = StripNamespace(name);
  absl::string_view rest = name;
  if (absl::ConsumePrefix(&rest, collection) && absl::ConsumePrefix(&rest, "/")) return rest;
  return name;
}

}  // namespace taskforge

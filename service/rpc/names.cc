#include "rpc/names.h"

#include "absl/strings/strip.h"
#include "task/task_types.h"
#include "task/validation.h"

namespace taskforge {
namespace {

// Takes `namespaces/{ns}/` off; the default namespace if there is no such prefix.
absl::string_view ConsumeNamespace(absl::string_view& name) {
  absl::string_view rest = name;
  if (!absl::ConsumePrefix(&rest, "namespaces/")) return kDefaultNamespace;
  const absl::string_view ns = rest.substr(0, rest.find('/'));
  if (ns.size() == rest.size() || !IsQueueName(ns)) return kDefaultNamespace;
  name = rest.substr(ns.size() + 1);
  return ns;
}

absl::string_view StripNamespace(absl::string_view name) {
  absl::string_view rest = name;
  return ConsumeNamespace(rest) == kDefaultNamespace ? rest : name;
}

}  // namespace

absl::Status CheckNamespaceOf(absl::string_view name) {
  return CheckNamespace(ConsumeNamespace(name));
}

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

std::optional<QueueParent> ParseQueueParent(absl::string_view parent) {
  QueueParent parsed{std::string(ConsumeNamespace(parent)), kDefaultQueue};
  if (parent.empty()) return parsed;
  if (!absl::ConsumePrefix(&parent, "queues/") || !IsQueueName(parent)) return std::nullopt;
  parsed.queue = std::string(parent);
  return parsed;
}

absl::string_view StripCollection(absl::string_view name, absl::string_view collection) {
  name = StripNamespace(name);
  absl::string_view rest = name;
  if (absl::ConsumePrefix(&rest, collection) && absl::ConsumePrefix(&rest, "/")) return rest;
  return name;
}

}  // namespace taskforge

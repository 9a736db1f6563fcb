// Resource names: `queues/{queue}/tasks/{task}`, `queues/{queue}`, `handlers/{handler}`, with an
// optional prefix `namespaces/{ns}/`, of which there is `default` alone.
#ifndef TASKFORGE_RPC_NAMES_H_
#define TASKFORGE_RPC_NAMES_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace taskforge {

// NOT_FOUND, reason NAMESPACE_UNKNOWN, if the name is in another namespace; to be asked before what
// follows, to which such a name is none.
absl::Status CheckNamespaceOf(absl::string_view name);
// The full name of a task from `queues/{queue}/tasks/{task}` or `{task}`; nothing if it is neither.
std::optional<std::string> ParseTaskName(absl::string_view name);
struct QueueParent {
  std::string ns;  // Perhaps one that there is not.
  std::string queue;
  bool operator==(const QueueParent&) const = default;
};
// Of `queues/{queue}`; the default queue if `parent` is empty; nothing if it is neither.
std::optional<QueueParent> ParseQueueParent(absl::string_view parent);
// `{id}` from `{collection}/{id}` or `{id}`.
absl::string_view StripCollection(absl::string_view name, absl::string_view collection);

}  // namespace taskforge

#endif  // TASKFORGE_RPC_NAMES_H_

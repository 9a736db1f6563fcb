// Resource names: `queues/{queue}/tasks/{task}`, `queues/{queue}`, `handlers/{handler}`, with an
// optional prefix `namespaces/default/`.
#ifndef TASKFORGE_RPC_NAMES_H_
#define TASKFORGE_RPC_NAMES_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace taskforge {

inline constexpr char kDefaultQueue[] = "default";

// The full name of a task from `queues/{queue}/tasks/{task}` or `{task}`; nothing if it is neither.
std::optional<std::string> ParseTaskName(absl::string_view name);
// The queue of `queues/{queue}`; the default one if `parent` is empty; nothing if it is neither.
std::optional<std::string> ParseQueueParent(absl::string_view parent);
// `{id}` from `{collection}/{id}` or `{id}`.
absl::string_view StripCollection(absl::string_view name, absl::string_view collection);

}  // namespace taskforge

#endif  // TASKFORGE_RPC_NAMES_H_

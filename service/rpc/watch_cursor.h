// The cursor of WatchTask: how much of a task's changes a client has seen. Opaque to clients.
#ifndef TASKFORGE_RPC_WATCH_CURSOR_H_
#define TASKFORGE_RPC_WATCH_CURSOR_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "task/task_types.h"

namespace taskforge {

// One format byte, the boot epoch and the revision (8 bytes each, big-endian), the task's uid.
// `boot_epoch` is that of the store's life, in which revisions are counted.
std::string WatchCursorOf(const TaskRecord& record, uint64_t boot_epoch);

// The revision that a cursor says was seen; 0, which is before all, if it is empty.
// INVALID_ARGUMENT: not a cursor. OUT_OF_RANGE, reason CURSOR_GONE: of another life of the store,
// or of a task that had the name before; ErrorInfo.metadata["oldest_cursor"] is the task's present
// one, in base64.
absl::StatusOr<uint64_t> SeenRevision(absl::string_view cursor, const TaskRecord& record,
                                      uint64_t boot_epoch);

}  // namespace taskforge

#endif  // TASKFORGE_RPC_WATCH_CURSOR_H_

// The states of a task and the one table of its transitions.
#ifndef TASKFORGE_TASK_TASK_STATE_H_
#define TASKFORGE_TASK_TASK_STATE_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace taskforge {

enum class TaskState : uint8_t {
  kScheduled,  // Waits for a time: its schedule_time, or the end of a retry's backoff.
  kQueued,     // Waits for its turn.
  kRunning,    // An attempt has started and its result is not recorded yet.
  kSucceeded,
  kFailed,
  kCancelled,
  kExpired,  // Its deadline or queue_timeout passed before it started.
};
inline constexpr int kTaskStateCount = 7;

// Why a task that is not running waits.
enum class WaitReason : uint8_t {
  kNone,
  kQueue,         // For its turn.
  kPriority,      // Behind more urgent work that waits. Only shown (TaskControl), never recorded.
  kSchedule,      // For its schedule_time.
  kRetryBackoff,  // For the next attempt's time.
  kNoWorker,      // No connected worker serves its handler with credit left.
  kPaused,        // Its queue is paused. Only shown, never recorded, as kPriority.
};

// How well an accepted task is kept: in memory; on disk, synced within an interval; or synced
// before it is acknowledged.
enum class Durability : uint8_t { kUnspecified, kMemory, kBuffered, kDurable };

constexpr bool IsTerminal(TaskState state) { return state >= TaskState::kSucceeded; }

// The one table: may a task go from `from` to `to`?
//   SCHEDULED, QUEUED -> QUEUED (SCHEDULED only), RUNNING (QUEUED only), CANCELLED, EXPIRED
//   RUNNING -> SUCCEEDED, FAILED, CANCELLED; SCHEDULED on a retry; QUEUED when an attempt is lost
bool MayFollow(TaskState from, TaskState to);

// `scheduled`, `queued`, `running`, `succeeded`, `failed`, `cancelled`, `expired`.
absl::string_view Name(TaskState state);
std::optional<TaskState> ParseTaskState(absl::string_view name);
absl::string_view Name(WaitReason reason);
// `memory`, `buffered`, `durable`; kUnspecified: `unspecified`, which is not parsed.
absl::string_view Name(Durability durability);
std::optional<Durability> ParseDurability(absl::string_view name);

}  // namespace taskforge

#endif  // TASKFORGE_TASK_TASK_STATE_H_

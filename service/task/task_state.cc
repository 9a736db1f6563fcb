#include "task/task_state.h"

#include <array>

namespace taskforge {
namespace {

constexpr std::array<absl::string_view, kTaskStateCount> kStateNames = {
    "scheduled", "queued", "running", "succeeded", "failed", "cancelled", "expired"};

}  // namespace

bool MayFollow(TaskState from, TaskState to) {
  switch (from) {
    case TaskState::kScheduled:
      return to == TaskState::kQueued || to == TaskState::kCancelled || to == TaskState::kExpired;
    case TaskState::kQueued:
      return to == TaskState::kRunning || to == TaskState::kCancelled || to == TaskState::kExpired;
    case TaskState::kRunning:
      return to == TaskState::kSucceeded || to == TaskState::kFailed ||
             to == TaskState::kCancelled || to == TaskState::kScheduled || to == TaskState::kQueued;
    default:
      return false;
  }
}

absl::string_view Name(TaskState state) { return kStateNames[static_cast<size_t>(state)]; }

std::optional<TaskState> ParseTaskState(absl::string_view name) {
  for (size_t i = 0; i < kStateNames.size(); ++i) {
    if (kStateNames[i] == name) return static_cast<TaskState>(i);
  }
  return std::nullopt;
}

absl::string_view Name(WaitReason reason) {
  constexpr std::array<absl::string_view, 7> kNames = {
      "none", "queue", "priority", "schedule", "retry_backoff", "no_worker", "paused"};
  return kNames[static_cast<size_t>(reason)];
}

absl::string_view Name(Durability durability) {
  constexpr absl::string_view kNames[] = {"unspecified", "memory", "buffered", "durable"};
  return kNames[static_cast<int>(durability)];
}

std::optional<Durability> ParseDurability(absl::string_view name) {
  for (const Durability each : {Durability::kMemory, Durability::kBuffered, Durability::kDurable}) {
    if (Name(each) == name) return each;
  }
  return std::nullopt;
}

}  // namespace taskforge

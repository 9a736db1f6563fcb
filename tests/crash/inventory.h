// Everything that a server has, once nothing lives there.
#ifndef TASKFORGE_CRASH_INVENTORY_H_
#define TASKFORGE_CRASH_INVENTORY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "crash/verdict.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::crash {

// Waits until a look at each state that is not an end finds no task. One that goes from state to
// state meanwhile may have been overlooked: the inventory shows it. DEADLINE_EXCEEDED: some have
// not ended.
absl::Status AwaitQuiet(v1::TaskService::Stub& stub, absl::Duration patience);

// All tasks: those that ListTasks shows, and those of `names` that GetTask finds beside them. Each
// `every`-th of what is listed is asked for by GetTask too, and is as that shows it; one that
// GetTask does not find has the state kUnspecified.
absl::StatusOr<std::vector<Found>> TakeInventory(v1::TaskService::Stub& stub,
                                                 const std::vector<std::string>& names, int every);

}  // namespace taskforge::crash

#endif  // TASKFORGE_CRASH_INVENTORY_H_

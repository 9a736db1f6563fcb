// taskforge task cancel and task retry of all the tasks that a filter selects.
#ifndef TASKFORGE_CLI_TASK_BULK_COMMANDS_H_
#define TASKFORGE_CLI_TASK_BULK_COMMANDS_H_

#include <string>

#include "cli/session.h"
#include "cli/task_filter.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::cli {

// What selects the tasks, and how.
struct BulkOptions {
  TaskFilterOptions filter;
  bool all = false;  // No filter is meant.
  bool dry_run = false;
  std::string request_id;  // Of a retry.
};

// Both go through all pages, and return the exit code: 1 when some could not be done.
int CancelSelected(Session& session, v1::TaskService::Stub& stub, const BulkOptions& options);
int RetrySelected(Session& session, v1::TaskService::Stub& stub, const BulkOptions& options);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_TASK_BULK_COMMANDS_H_

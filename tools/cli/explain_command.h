// taskforge task explain.
#ifndef TASKFORGE_CLI_EXPLAIN_COMMAND_H_
#define TASKFORGE_CLI_EXPLAIN_COMMAND_H_

#include <string>

#include "cli/session.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::cli {

// Prints why a task waits, or what happened to it; returns the exit code.
int ExplainTask(Session& session, v1::TaskService::Stub& stub, const std::string& name);

// The answer as people see it, a line for each thing.
std::string DescribeExplanation(const v1::ExplainTaskResponse& response);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_EXPLAIN_COMMAND_H_

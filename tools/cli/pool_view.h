// The pool as people see it.
#ifndef TASKFORGE_CLI_POOL_VIEW_H_
#define TASKFORGE_CLI_POOL_VIEW_H_

#include <string>

#include "taskforge/v1/pool_service.pb.h"

namespace taskforge::cli {

// `queue_wait`.
std::string FormatReason(v1::ResizeReason reason);
// `4 threads (3 busy, 1 idle, 0 blocked), target 4, 2 to 16, peak 6`.
std::string DescribeThreads(const v1::Pool& pool);
// A table of the four priorities, the most urgent first.
std::string PriorityTable(const v1::Pool& pool, bool colour);
// A table of the threads.
std::string ThreadTable(const v1::Pool& pool, bool colour);
// All of it.
std::string DescribePool(const v1::Pool& pool, bool colour);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_POOL_VIEW_H_

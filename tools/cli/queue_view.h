// Queues as people see them.
#ifndef TASKFORGE_CLI_QUEUE_VIEW_H_
#define TASKFORGE_CLI_QUEUE_VIEW_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "cli/table.h"
#include "taskforge/v1/queue_service.pb.h"

namespace taskforge::cli {

Table QueueTable();
void AddQueueRow(const v1::Queue& queue, Table& table);
// All of it, with what was done to it, when and why.
std::string DescribeQueue(const v1::Queue& queue);

// `1048576`, `64KiB`, `256MiB`, `1GiB`; empty when it is none of these, or zero.
std::optional<uint64_t> ParseByteCount(absl::string_view text);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_QUEUE_VIEW_H_

// What queues, results and retained events may hold must fit into the memory that the cgroup
// allows: over it the kernel ends the process, and everything that it had accepted is gone.
#ifndef TASKFORGE_CONFIG_MEMORY_BUDGET_H_
#define TASKFORGE_CONFIG_MEMORY_BUDGET_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "base/log.h"
#include "config/option_table.h"

namespace taskforge {

// `results.max_bytes`, each `queues.<name>.max_bytes` and, if events are retained at all,
// `bus.replay.max_bytes` together may take three quarters of the limit; the rest is for everything
// else. If they are more:
//  - what the operator set stays as it is;
//  - the others, which have their defaults, share what is left in proportion (their origin becomes
//    OptionOrigin::kMemoryLimit), each at least 4 MiB;
//  - INVALID_ARGUMENT, naming the options, if that is not possible. Then nothing has changed.
// No limit: nothing is done.
absl::Status FitMemory(std::optional<int64_t> limit_bytes, OptionTable& table);

// A line for each option that FitMemory() changed.
void LogScaled(const OptionTable& table, Log& log);

}  // namespace taskforge

#endif  // TASKFORGE_CONFIG_MEMORY_BUDGET_H_

// How many processors and how much memory this process may use: the affinity mask, the cgroup's
// quota (v2, or v1) and the configuration, whichever is least.
#ifndef TASKFORGE_BASE_CPU_BUDGET_H_
#define TASKFORGE_BASE_CPU_BUDGET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace taskforge {

struct CpuBudget {
  std::vector<int> allowed_cpus;      // Of the process's first thread, ascending; not empty.
  std::optional<double> quota_cores;  // cgroup cpu.max as cores; none: unlimited.
  std::optional<int64_t> memory_limit_bytes;  // cgroup memory.max; none: unlimited.
  // max(1, min(|allowed_cpus|, ceil(quota_cores))).
  int cpus() const;
};

// Reads it now. `cgroup_root` is where the cgroup file system is mounted; what cannot be read
// counts as unlimited (a process outside any cgroup is normal). Walks from this process's cgroup up
// to the root and takes the tightest limit.
CpuBudget ReadCpuBudget(absl::string_view cgroup_root = "/sys/fs/cgroup",
                        absl::string_view proc_self_cgroup = "/proc/self/cgroup");

// Seconds for which the cgroup's CPU quota held this process back (cpu.stat), 0 when unknown.
double ReadThrottledSeconds(absl::string_view cgroup_root = "/sys/fs/cgroup",
                            absl::string_view proc_self_cgroup = "/proc/self/cgroup");

}  // namespace taskforge

#endif  // TASKFORGE_BASE_CPU_BUDGET_H_

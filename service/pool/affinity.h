// On which processors a thread of the pool may run.
#ifndef TASKFORGE_POOL_AFFINITY_H_
#define TASKFORGE_POOL_AFFINITY_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "pool/options.h"

namespace taskforge {

// Where a processor lies in the machine.
struct CpuPlace {
  int cpu = 0;
  // From the whole machine down to the processor: which of its kind each part is within the part
  // before it (packages, groups of memory, shared caches, cores), of those with processors that
  // count. So two that share the beginnings of their paths share what these parts have.
  std::vector<int> path;
  bool operator==(const CpuPlace&) const = default;
};

// The places of these processors, in the same order, as hwloc (https://www.open-mpi.org/projects/
// hwloc) sees them; where it does not see all of them, each counts as a core of its own, in the
// order of their numbers. `machine` describes one in its "synthetic" language, to be read instead
// of this one.
std::vector<CpuPlace> ReadCpuPlaces(const std::vector<int>& cpus, const std::string& machine = "");

// Constant after construction. Thread-safe.
class AffinityPlan {
 public:
  AffinityPlan(const AffinityOptions& options, std::vector<CpuPlace> places);

  // Processors for the thread of `seat`; empty: all.
  std::vector<int> ForSeat(uint32_t seat) const;

 private:
  std::vector<std::vector<int>> masks_;  // Used round robin; empty: no plan.
};

// As people write them: `0-3,6`; `none` if empty.
std::string CpusText(const std::vector<int>& cpus);

// INVALID_ARGUMENT, field `cpus`: not all of these are processors that this process may use.
absl::Status CheckCpus(const std::vector<int>& cpus);

// Lets thread `tid` of this process (0: the caller) run on `cpus` only; on all that the process may
// use if empty. INVALID_ARGUMENT: no such processors; NOT_FOUND: no such thread.
absl::Status SetThreadCpus(int tid, const std::vector<int>& cpus);

// Where the kernel lets thread `tid` of this process run, ascending; none: no such thread.
std::optional<std::vector<int>> ThreadCpus(int tid);

}  // namespace taskforge

#endif  // TASKFORGE_POOL_AFFINITY_H_

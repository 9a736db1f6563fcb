// taskforged doctor: looks at what commonly goes wrong, without serving.
#ifndef TASKFORGE_DOCTOR_H_
#define TASKFORGE_DOCTOR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/cpu_budget.h"
#include "config/config.h"

namespace taskforge {

enum class Verdict { kOk, kWarning, kProblem };

// What was looked at, and what to do about it.
struct Finding {
  Verdict verdict = Verdict::kOk;
  std::string what;    // `tls.key_file: the key belongs to another certificate`
  std::string advice;  // Empty when there is nothing to do.
};

// What matters of the machine and of the limits of this process.
struct MachineFacts {
  CpuBudget budget;
  uint64_t memory_bytes = 0;  // Of the machine; the cgroup's limit is in `budget`. 0: unknown.
  uint64_t descriptors_max = UINT64_MAX;      // RLIMIT_NOFILE, soft.
  absl::Time now;                             // By the wall clock.
  std::optional<bool> is_clock_synchronized;  // None: the kernel does not say.
  bool has_schedstat = true;                  // Whether the kernel says how long threads wait.
};

// Reads them now.
MachineFacts ReadMachineFacts();

// Every check. `loaded` is what came of loading `config`; when that failed, only what needs no
// configuration is looked at. Binds each address for a moment, and leaves nothing behind.
std::vector<Finding> Examine(const absl::Status& loaded, const Config& config,
                             const MachineFacts& machine);

// The checks by what they look at.
std::vector<Finding> CheckMachine(const MachineFacts& machine);
std::vector<Finding> CheckResources(const Config& config, const MachineFacts& machine);

// A line for each: `ok|warning|problem  what  — what to do`.
std::string Render(const std::vector<Finding>& findings);
bool HasProblem(const std::vector<Finding>& findings);

}  // namespace taskforge

#endif  // TASKFORGE_DOCTOR_H_

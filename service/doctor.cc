#include "doctor.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "doctor_checks.h"

namespace taskforge {
namespace {

constexpr uint64_t kDescriptorsWanted = 4096;
// A clock before this was never set.
constexpr int64_t kEarliestUnixSeconds = 1'704'067'200;  // 2024-01-01

void Add(std::vector<Finding> more, std::vector<Finding>& findings) {
  std::move(more.begin(), more.end(), std::back_inserter(findings));
}

std::vector<Finding> CheckLoaded(const absl::Status& loaded) {
  if (loaded.ok()) return {{Verdict::kOk, "configuration: valid", ""}};
  std::vector<Finding> findings;
  for (absl::string_view line : absl::StrSplit(loaded.message(), '\n', absl::SkipEmpty())) {
    findings.push_back({Verdict::kProblem, absl::StrCat("configuration: ", line),
                        "correct it; `taskforged print-config` says what each option means"});
  }
  return findings;
}

std::string Mebibytes(uint64_t bytes) { return absl::StrCat(bytes >> 20, " MiB"); }

Finding CheckDescriptors(const MachineFacts& machine) {
  if (machine.descriptors_max >= kDescriptorsWanted) {
    return {Verdict::kOk, "open files: the limit is high enough", ""};
  }
  return {Verdict::kWarning,
          absl::StrCat("open files: at most ", machine.descriptors_max,
                       ", and each connection takes one; when they are used up nobody can connect"),
          absl::StrCat("raise the limit to ", kDescriptorsWanted,
                       " or more: ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of docker")};
}

Finding CheckClock(const MachineFacts& machine) {
  const std::string time = absl::FormatTime(absl::RFC3339_sec, machine.now, absl::UTCTimeZone());
  if (absl::ToUnixSeconds(machine.now) < kEarliestUnixSeconds) {
    return {Verdict::kProblem,
            absl::StrCat("clock: it shows ", time, ": certificates and schedules will be wrong"),
            "set it"};
  }
  if (!machine.is_clock_synchronized.value_or(true)) {
    return {Verdict::kWarning, absl::StrCat("clock: ", time, ", and nothing keeps it right"),
            "run chrony or systemd-timesyncd on the machine"};
  }
  return {Verdict::kOk, absl::StrCat("clock: ", time), ""};
}

Finding CheckSchedstat(const MachineFacts& machine) {
  if (machine.has_schedstat) {
    return {Verdict::kOk, "kernel: says how long threads wait for a processor", ""};
  }
  return {Verdict::kWarning,
          "kernel: does not say how long threads wait for a processor (/proc/self/schedstat), so "
          "the pool cannot tell a full processor from a blocked thread",
          "use a kernel with CONFIG_SCHED_INFO, or set pool.max_threads to what the processors can "
          "feed"};
}

Finding CheckProcessors(const Config& config, const MachineFacts& machine) {
  const CpuBudget& budget = machine.budget;
  std::string what =
      absl::StrCat("processors: ", budget.cpus(), " (affinity allows ", budget.allowed_cpus.size());
  if (budget.quota_cores.has_value()) {
    absl::StrAppendFormat(&what, ", the cgroup %.4g", *budget.quota_cores);
  }
  what += ")";
  if (config.cpus > budget.cpus()) {
    return {Verdict::kWarning,
            absl::StrCat(what, ", but pool.cpus is ", config.cpus,
                         ": the pool would run more threads than can run"),
            "leave pool.cpus at 0, or allow the process more processors"};
  }
  if (budget.quota_cores.value_or(1) < 1) {
    return {Verdict::kWarning,
            absl::StrCat(what, ": the kernel stops the process in each of its periods"),
            "give it a CPU limit of 1 or more, or none"};
  }
  return {Verdict::kOk, std::move(what), ""};
}

Finding CheckMemory(const Config& config, const MachineFacts& machine) {
  uint64_t held = config.store.max_bytes;
  for (const QueueOptions& queue : config.queues.queues) held += queue.max_bytes;
  const std::string sum = absl::StrCat("memory: queues and results may hold ", Mebibytes(held));
  uint64_t limit = machine.memory_bytes;
  if (machine.budget.memory_limit_bytes.has_value()) {
    const auto of_cgroup = static_cast<uint64_t>(*machine.budget.memory_limit_bytes);
    limit = limit == 0 ? of_cgroup : std::min(limit, of_cgroup);
  }
  if (limit == 0) return {Verdict::kOk, absl::StrCat(sum, "; no limit is known"), ""};
  const std::string advice =
      "lower queues.*.max_bytes or results.max_bytes, or give it more memory";
  if (held > limit) {
    return {Verdict::kProblem,
            absl::StrCat(sum, ", more than the ", Mebibytes(limit),
                         " that there are: the kernel would kill it before it refuses a task"),
            advice};
  }
  if (held > limit / 4 * 3) {
    return {Verdict::kWarning,
            absl::StrCat(sum, " of ", Mebibytes(limit), ", which leaves little for the rest"),
            advice};
  }
  return {Verdict::kOk, absl::StrCat(sum, " of ", Mebibytes(limit)), ""};
}

}  // namespace

std::vector<Finding> CheckMachine(const MachineFacts& machine) {
  return {CheckDescriptors(machine), CheckClock(machine), CheckSchedstat(machine)};
}

std::vector<Finding> CheckResources(const Config& config, const MachineFacts& machine) {
  return {CheckProcessors(config, machine), CheckMemory(config, machine)};
}

std::vector<Finding> Examine(const absl::Status& loaded, const Config& config,
                             const MachineFacts& machine) {
  std::vector<Finding> findings = CheckLoaded(loaded);
  if (loaded.ok()) {
    Add(CheckAddresses(config), findings);
    Add(CheckTls(config, machine.now), findings);
    Add(CheckTokens(config), findings);
    Add(CheckDataDirectory(config), findings);
    Add(CheckResources(config, machine), findings);
  }
  Add(CheckMachine(machine), findings);
  return findings;
}

std::string Render(const std::vector<Finding>& findings) {
  constexpr const char* kNames[] = {"ok", "warning", "problem"};
  std::string text;
  for (const Finding& finding : findings) {
    absl::StrAppendFormat(&text, "%-7s  %s", kNames[static_cast<size_t>(finding.verdict)],
                          finding.what);
    absl::StrAppend(&text, finding.advice.empty() ? "" : "  — ", finding.advice, "\n");
  }
  return text;
}

bool HasProblem(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.verdict == Verdict::kProblem; });
}

}  // namespace taskforge

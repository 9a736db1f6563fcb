#include "base/cpu_budget.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace taskforge {
namespace {

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path);
  if (!in) return std::nullopt;
  std::ostringstream out;
  out << in.rdbuf();
  return std::string(absl::StripAsciiWhitespace(out.str()));
}

// This process's directory under the unified (v2) hierarchy, or under v1's `controller`.
std::string CgroupPath(absl::string_view proc_self_cgroup, absl::string_view controller) {
  const auto text = ReadFile(std::string(proc_self_cgroup));
  if (!text.has_value()) return "/";
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    // v1 lists controllers: `cpu,cpuacct`. v2's list is empty, as is its `controller`.
    for (absl::string_view each : absl::StrSplit(parts[1], ',')) {
      if (each == controller) return std::string(parts[2]);
    }
  }
  return "/";
}

// Calls `visit(directory)` for the process's cgroup and each of its ancestors.
template <typename Visit>
void ForEachAncestor(absl::string_view root, std::string path, Visit visit) {
  while (true) {
    visit(absl::StrCat(root, path == "/" ? "" : path));
    if (path.empty() || path == "/") return;
    const size_t slash = path.rfind('/');
    path = slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
  }
}

void TakeLeast(std::optional<double>& least, double value) {
  if (!least.has_value() || value < *least) least = value;
}

void TakeMemoryLimit(const std::string& text, CpuBudget& budget) {
  // v2 writes `max` for no limit; v1 a number near 2^63.
  constexpr int64_t kUnlimited = int64_t{1} << 62;
  int64_t limit = 0;
  if (!absl::SimpleAtoi(text, &limit) || limit >= kUnlimited) return;
  if (!budget.memory_limit_bytes.has_value() || limit < *budget.memory_limit_bytes) {
    budget.memory_limit_bytes = limit;
  }
}

void ReadV2(absl::string_view root, absl::string_view proc_self_cgroup, CpuBudget& budget) {
  ForEachAncestor(root, CgroupPath(proc_self_cgroup, ""), [&](const std::string& directory) {
    if (const auto cpu = ReadFile(directory + "/cpu.max")) {
      const std::vector<std::string> parts = absl::StrSplit(*cpu, ' ');
      double quota = 0;
      double period = 0;
      if (parts.size() == 2 && absl::SimpleAtod(parts[0], &quota) &&
          absl::SimpleAtod(parts[1], &period) && quota > 0 && period > 0) {
        TakeLeast(budget.quota_cores, quota / period);
      }
    }
    if (const auto memory = ReadFile(directory + "/memory.max")) {
      TakeMemoryLimit(*memory, budget);
    }
  });
}

void ReadV1(absl::string_view root, absl::string_view proc_self_cgroup, CpuBudget& budget) {
  ForEachAncestor(absl::StrCat(root, "/cpu"), CgroupPath(proc_self_cgroup, "cpu"),
                  [&](const std::string& directory) {
                    const auto quota_text = ReadFile(directory + "/cpu.cfs_quota_us");
                    const auto period_text = ReadFile(directory + "/cpu.cfs_period_us");
                    double quota = 0;
                    double period = 0;
                    if (quota_text && period_text && absl::SimpleAtod(*quota_text, &quota) &&
                        absl::SimpleAtod(*period_text, &period) && quota > 0 && period > 0) {
                      TakeLeast(budget.quota_cores, quota / period);
                    }
                  });
  ForEachAncestor(absl::StrCat(root, "/memory"), CgroupPath(proc_self_cgroup, "memory"),
                  [&](const std::string& directory) {
                    const auto text = ReadFile(directory + "/memory.limit_in_bytes");
                    if (text) TakeMemoryLimit(*text, budget);
                  });
}

}  // namespace

int CpuBudget::cpus() const {
  int least = static_cast<int>(allowed_cpus.size());
  if (quota_cores.has_value()) least = std::min(least, static_cast<int>(std::ceil(*quota_cores)));
  return std::max(1, least);
}

CpuBudget ReadCpuBudget(absl::string_view cgroup_root, absl::string_view proc_self_cgroup) {
  CpuBudget budget;
  cpu_set_t set;
  CPU_ZERO(&set);
  // Of the process's first thread: the caller may be a thread that was put on one processor.
  if (sched_getaffinity(getpid(), sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) budget.allowed_cpus.push_back(cpu);
    }
  }
  if (budget.allowed_cpus.empty()) budget.allowed_cpus.push_back(0);
  ReadV2(cgroup_root, proc_self_cgroup, budget);
  // A machine may mount both; limits of v1 controllers count besides those of v2.
  ReadV1(cgroup_root, proc_self_cgroup, budget);
  return budget;
}

double ReadThrottledSeconds(absl::string_view cgroup_root, absl::string_view proc_self_cgroup) {
  double seconds = 0;
  const auto read = [&](const std::string& directory) {
    const auto text = ReadFile(directory + "/cpu.stat");
    if (!text.has_value()) return;
    for (absl::string_view line : absl::StrSplit(*text, '\n')) {
      double value = 0;
      if (absl::ConsumePrefix(&line, "throttled_usec ") && absl::SimpleAtod(line, &value)) {
        seconds = std::max(seconds, value / 1e6);
      } else if (absl::ConsumePrefix(&line, "throttled_time ") && absl::SimpleAtod(line, &value)) {
        seconds = std::max(seconds, value / 1e9);
      }
    }
  };
  ForEachAncestor(cgroup_root, CgroupPath(proc_self_cgroup, ""), read);
  ForEachAncestor(absl::StrCat(cgroup_root, "/cpu"), CgroupPath(proc_self_cgroup, "cpu"), read);
  return seconds;
}

}  // namespace taskforge

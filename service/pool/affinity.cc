#include "pool/affinity.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace taskforge {
namespace {

// Of processors that are not to be had, in one message.
constexpr size_t kMostTold = 16;

int ReadNumber(const std::string& path, int otherwise) {
  std::ifstream file(path);
  int number = 0;
  return file >> number ? number : otherwise;
}

}  // namespace

std::vector<CpuPlace> ReadCpuPlaces(const std::vector<int>& cpus, absl::string_view sysfs_root) {
  std::vector<CpuPlace> places;
  for (const int cpu : cpus) {
    const std::string topology = absl::StrCat(sysfs_root, "/cpu", cpu, "/topology/");
    places.push_back({cpu, ReadNumber(topology + "physical_package_id", 0),
                      ReadNumber(topology + "core_id", cpu)});
  }
  return places;
}

AffinityPlan::AffinityPlan(const AffinityOptions& options, std::vector<CpuPlace> places) {
  if (options.mode == AffinityMode::kNone) return;
  if (options.mode == AffinityMode::kExplicit) {
    masks_ = options.masks;
    return;
  }
  // How many processors of the same core come before this one.
  std::sort(places.begin(), places.end(), [](const CpuPlace& a, const CpuPlace& b) {
    return std::tie(a.package, a.core, a.cpu) < std::tie(b.package, b.core, b.cpu);
  });
  if (options.mode == AffinityMode::kSpread) {
    std::map<std::pair<int, int>, int> in_core;
    std::map<int, int> in_package;
    std::vector<std::tuple<int, int, int, int>> order;  // Sibling, rank in package, package, cpu.
    for (const CpuPlace& place : places) {
      const int sibling = in_core[{place.package, place.core}]++;
      order.emplace_back(sibling, in_package[place.package]++, place.package, place.cpu);
    }
    std::sort(order.begin(), order.end());
    for (const auto& entry : order) masks_.push_back({std::get<3>(entry)});
    return;
  }
  for (const CpuPlace& place : places) masks_.push_back({place.cpu});
}

std::vector<int> AffinityPlan::ForSeat(uint32_t seat) const {
  if (masks_.empty()) return {};
  return masks_[seat % masks_.size()];
}

std::string CpusText(const std::vector<int>& cpus) {
  if (cpus.empty()) return "none";
  std::vector<int> sorted = cpus;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::string text;
  for (size_t i = 0; i < sorted.size();) {
    size_t last = i;
    while (last + 1 < sorted.size() && sorted[last + 1] == sorted[last] + 1) ++last;
    absl::StrAppend(&text, text.empty() ? "" : ",", sorted[i]);
    if (last > i) absl::StrAppend(&text, "-", sorted[last]);
    i = last + 1;
  }
  return text;
}

absl::Status CheckCpus(const std::vector<int>& cpus) {
  // Where the process may run, and its threads with it.
  const std::optional<std::vector<int>> usable = ThreadCpus(getpid());
  std::vector<int> wrong;
  for (const int cpu : cpus) {
    const bool is_number = cpu >= 0 && cpu < CPU_SETSIZE;
    const bool is_usable =
        is_number &&
        (!usable.has_value() || std::find(usable->begin(), usable->end(), cpu) != usable->end());
    // Some will do: the list may be long.
    if (!is_usable && wrong.size() < kMostTold) wrong.push_back(cpu);
  }
  if (wrong.empty()) return absl::OkStatus();
  const std::string limit =
      usable.has_value() ? CpusText(*usable) : absl::StrCat("0-", CPU_SETSIZE - 1);
  return InvalidArgument(
      {{"cpus",
        absl::StrCat("this process may use the processors ", limit, ", and not ", CpusText(wrong),
                     "; without processors a thread runs on all of them")}});
}

absl::Status SetThreadCpus(int tid, const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) {
    if (cpu < 0 || cpu >= CPU_SETSIZE) {
      return absl::InvalidArgumentError(absl::StrCat("no such processor: ", cpu));
    }
    CPU_SET(cpu, &set);
  }
  if (cpus.empty()) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) CPU_SET(cpu, &set);
  }
  if (sched_setaffinity(tid, sizeof(set), &set) == 0) return absl::OkStatus();
  if (errno == ESRCH) return absl::NotFoundError(absl::StrCat("no thread ", tid));
  return absl::InvalidArgumentError("none of the processors can be used by this process");
}

std::optional<std::vector<int>> ThreadCpus(int tid) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(tid, sizeof(set), &set) != 0) return std::nullopt;
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace taskforge

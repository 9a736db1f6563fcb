#include "pool/affinity.h"

#include <hwloc.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace taskforge {
namespace {

// Of processors that are not to be had, in one message.
constexpr size_t kMostTold = 16;

struct DestroyTopology {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<hwloc_topology, DestroyTopology>;

// The machine with these processors alone. Null: hwloc sees nothing of them.
Topology LoadTopology(const std::vector<int>& cpus, const std::string& machine) {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return nullptr;
  Topology topology(raw);
  // Its looking around must not move the thread that asks.
  hwloc_topology_set_flags(raw, HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING);
  if (!machine.empty() && hwloc_topology_set_synthetic(raw, machine.c_str()) != 0) return nullptr;
  if (hwloc_topology_load(raw) != 0) return nullptr;
  hwloc_bitmap_t counted = hwloc_bitmap_alloc();
  if (counted == nullptr) return nullptr;
  for (const int cpu : cpus) hwloc_bitmap_set(counted, static_cast<unsigned>(cpu));
  const int restricted = hwloc_topology_restrict(raw, counted, 0);
  hwloc_bitmap_free(counted);
  return restricted == 0 ? std::move(topology) : nullptr;
}

// Empty: there is no such processor.
std::vector<int> PathOf(hwloc_topology_t topology, int cpu) {
  std::vector<int> path;
  for (hwloc_obj_t part = hwloc_get_pu_obj_by_os_index(topology, static_cast<unsigned>(cpu));
       part != nullptr; part = part->parent) {
    path.push_back(static_cast<int>(part->sibling_rank));
  }
  std::reverse(path.begin(), path.end());
  return path;
}

}  // namespace

std::vector<CpuPlace> ReadCpuPlaces(const std::vector<int>& cpus, const std::string& machine) {
  std::vector<CpuPlace> places;
  const Topology topology = LoadTopology(cpus, machine);
  bool sees_all = topology != nullptr;
  for (const int cpu : cpus) {
    places.push_back({cpu, sees_all ? PathOf(topology.get(), cpu) : std::vector<int>()});
    sees_all = sees_all && !places.back().path.empty();
  }
  if (sees_all) return places;
  places.clear();
  for (const int cpu : cpus) places.push_back({cpu, {cpu}});
  return places;
}

AffinityPlan::AffinityPlan(const AffinityOptions& options, std::vector<CpuPlace> places) {
  if (options.mode == AffinityMode::kNone) return;
  if (options.mode == AffinityMode::kExplicit) {
    masks_ = options.masks;
    return;
  }
  if (options.mode == AffinityMode::kSpread) {
    // The parts take turns, the largest fastest: first one of each package, then the next of each;
    // the second processor of a core comes when all cores have had one.
    for (CpuPlace& place : places) std::reverse(place.path.begin(), place.path.end());
  }
  std::sort(places.begin(), places.end(), [](const CpuPlace& a, const CpuPlace& b) {
    return std::tie(a.path, a.cpu) < std::tie(b.path, b.cpu);
  });
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

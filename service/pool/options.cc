#include "pool/options.h"

#include <sched.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace taskforge {
namespace {

class Violations {
 public:
  // Notes that `field` is wrong unless `holds`.
  void Require(bool holds, absl::string_view field, absl::string_view description) {
    if (holds) return;
    found_.push_back({absl::StrCat("pool.", field), std::string(description)});
  }
  absl::Status ToStatus() && {
    return found_.empty() ? absl::OkStatus() : InvalidArgument(std::move(found_));
  }

 private:
  std::vector<FieldViolation> found_;
};

constexpr size_t kMostPlaces = size_t{1} << 20;
constexpr size_t kLeastCapacityLimit = 16384;

bool Within(absl::Duration value, absl::Duration least, absl::Duration most) {
  return value >= least && value <= most;
}

// Fields are named as the configuration names them (config/options.cc), which is flatter.
void CheckWeights(const SlotWeights& weights, Violations& violations) {
  violations.Require(weights.slots >= 8 && weights.slots <= 1024, "slots", "must be 8 to 1024");
  violations.Require(weights.low >= 1, "guaranteed_low", "must be at least 1");
  violations.Require(weights.normal >= 1, "guaranteed_normal", "must be at least 1");
  const uint32_t quarter = weights.slots / 4;
  violations.Require(weights.low <= quarter && weights.normal <= quarter - weights.low,
                     "guaranteed_normal",
                     absl::StrCat("with pool.guaranteed_low (", weights.low,
                                  ") must be at most a quarter of pool.slots (", quarter, ")"));
  violations.Require(weights.high >= 2 && weights.high <= quarter, "guaranteed_high",
                     absl::StrCat("must be 2 to a quarter of pool.slots (", quarter, ")"));
}

void CheckScaling(const ScalingOptions& scaling, Violations& violations) {
  violations.Require(Within(scaling.tick, absl::Milliseconds(1), absl::Seconds(1)), "tick",
                     "must be 1ms to 1s");
  violations.Require(Within(scaling.queue_wait, absl::ZeroDuration(), absl::Seconds(10)),
                     "grow_after", "must be 0 to 10s");
  violations.Require(Within(scaling.stall_timeout, absl::Milliseconds(10), absl::Minutes(1)),
                     "stall_timeout", "must be 10ms to 1m");
  violations.Require(Within(scaling.flip_hold, absl::ZeroDuration(), absl::Minutes(1)), "flip_hold",
                     "must be 0 to 1m");
  violations.Require(scaling.contention_limit > 0 && scaling.contention_limit <= 1,
                     "contention_limit", "must be above 0, at most 1");
  violations.Require(Within(scaling.spin, absl::ZeroDuration(), absl::Milliseconds(1)), "spin",
                     "must be 0 to 1ms");
}

void CheckAffinity(const AffinityOptions& affinity, Violations& violations) {
  if (affinity.mode != AffinityMode::kExplicit) return;
  violations.Require(!affinity.masks.empty(), "affinity", "must name processors for each seat");
  for (size_t i = 0; i < affinity.masks.size(); ++i) {
    const std::vector<int>& mask = affinity.masks[i];
    const bool valid = !mask.empty() && std::all_of(mask.begin(), mask.end(), [](int cpu) {
      return cpu >= 0 && cpu < CPU_SETSIZE;
    });
    violations.Require(
        valid, "affinity",
        absl::StrCat("mask ", i + 1, " must name processors, each 0 to ", CPU_SETSIZE - 1));
  }
}

void CheckReserves(const PoolOptions& options, Violations& violations) {
  size_t above = 0;
  for (const Priority priority : {Priority::kCritical, Priority::kHigh, Priority::kNormal}) {
    const size_t reserve = options.reserved_capacity.Of(priority);
    const std::string field = absl::StrCat("reserved_capacity.", Name(priority));
    // What is too large by itself is told once.
    const bool is_number = reserve <= kMostPlaces;
    violations.Require(is_number, field, absl::StrCat("must be at most ", kMostPlaces));
    if (!is_number) continue;
    const bool leaves_some = above + reserve < options.capacity;
    violations.Require(
        reserve == 0 || leaves_some, field,
        absl::StrCat("with those of more urgent work (", above,
                     ") must be less than pool.capacity (", options.capacity,
                     "), so that low work has a place: lower it, or raise pool.capacity"));
    above += reserve;
  }
}

}  // namespace

int PoolOptions::MaxThreads() const {
  return max_threads != 0 ? max_threads : std::clamp(4 * cpus, 16, kMaxThreads);
}

size_t PoolOptions::CapacityLimit() const {
  return capacity_limit != 0 ? capacity_limit : std::max(kLeastCapacityLimit, capacity);
}

absl::Status PoolOptions::Validate() const {
  Violations violations;
  violations.Require(cpus >= 1, "cpus", "must be at least 1");
  violations.Require(max_threads >= 0 && max_threads <= kMaxThreads, "max_threads",
                     absl::StrCat("must be 1 to ", kMaxThreads, ", or 0: by the processors"));
  violations.Require(min_threads >= 1 && min_threads <= MaxThreads(), "min_threads",
                     absl::StrCat("must be 1 to max_threads (", MaxThreads(), ")"));
  violations.Require(Within(idle_timeout, absl::Milliseconds(1), absl::Hours(1)), "idle_timeout",
                     "must be 1ms to 1h");
  violations.Require(capacity_limit <= kMostPlaces, "capacity_limit",
                     absl::StrCat("must be at most ", kMostPlaces));
  const size_t most = capacity_limit != 0 ? capacity_limit : kMostPlaces;
  violations.Require(
      capacity >= 1 && capacity <= most, "capacity",
      absl::StrCat(
          "must be 1 to ", most,
          most < kMostPlaces ? "; a start with a larger pool.capacity has room for more" : ""));
  violations.Require(reserved_nodes <= kMostPlaces, "reserved_nodes",
                     absl::StrCat("must be at most ", kMostPlaces));
  violations.Require(resize_history >= 1 && resize_history <= 100000, "resize_history",
                     "must be 1 to 100000");
  CheckReserves(*this, violations);
  CheckWeights(weights, violations);
  CheckScaling(scaling, violations);
  CheckAffinity(affinity, violations);
  return std::move(violations).ToStatus();
}

}  // namespace taskforge

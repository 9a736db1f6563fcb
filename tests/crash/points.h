// Ends a server at each point at which it changes its disk, and looks whether the next life has all
// that was acknowledged: the points of a life from an empty directory to its stop, and those of the
// recovery after a crash.
#ifndef TASKFORGE_CRASH_POINTS_H_
#define TASKFORGE_CRASH_POINTS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace taskforge::crash {

struct PointsOptions {
  std::string taskforged;
  std::string fault_disk;  // The library (crash/fault_disk.h).
  std::string directory;   // Ours alone; what is in it when something is wrong stays.
  uint64_t seed = 0;
  int stride = 1;  // Each `stride`-th point.
  // A server that syncs so late that a power loss must be found to lose what it acknowledged; no
  // other fault is tried, and the violations are counted, not shown.
  bool is_careless = false;
};

// What was enumerated, and what was found wrong.
struct PointsTotals {
  int64_t life_points = 0;      // Of a life, as counted in one that went to its end.
  int64_t recovery_points = 0;  // Of a recovery.
  int64_t crashes = 0;          // Runs that ended at their point.
  int64_t faults = 0;           // Runs with a disk that failed, was full, or could not be opened.
  int64_t submits = 0;
  int64_t acknowledged = 0;
  int64_t violations = 0;

  std::string ToString() const;
};

// Runs all of it, and says on standard output what is wrong. Not OK: a server did not start again,
// or did not answer; then the totals mean nothing.
absl::StatusOr<PointsTotals> RunPoints(const PointsOptions& options);

}  // namespace taskforge::crash

#endif  // TASKFORGE_CRASH_POINTS_H_

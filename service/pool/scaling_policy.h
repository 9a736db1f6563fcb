// How many threads the pool should have: a pure function of what it sees.
#ifndef TASKFORGE_POOL_SCALING_POLICY_H_
#define TASKFORGE_POOL_SCALING_POLICY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "pool/options.h"

namespace taskforge {

// Why the number of threads changes.
enum class ScalingReason : uint8_t {
  kNone,
  kStart,          // The pool started.
  kSettings,       // The least or the greatest number was changed.
  kAllBlocked,     // Work waits, and every busy thread says that it is blocked.
  kPartlyBlocked,  // Work waits, and some threads are blocked: the rest leaves processors idle.
  kQueueWait,      // Work waits, and there are fewer threads than processors and one.
  kStalled,        // Work waits, and nothing was dispatched for too long.
  kIdle,           // A thread had nothing to do for the idle timeout.
  kAbandoned,      // A thread is held by work that was given up; or another takes its place.
};
inline constexpr size_t kScalingReasonCount = 9;

// In lower snake case: `all_blocked`. For logs, metrics and the API.
constexpr absl::string_view Name(ScalingReason reason) {
  constexpr std::array<absl::string_view, kScalingReasonCount> kNames = {
      "none",       "start",   "settings", "all_blocked", "partly_blocked",
      "queue_wait", "stalled", "idle",     "abandoned"};
  return kNames[static_cast<size_t>(reason)];
}

// What the controller saw at one time.
struct PoolSnapshot {
  MonoTime now;

  // Settings.
  int min_threads = 1;
  int max_threads = 1;
  int cpus = 1;
  bool allow_growth = true;

  // Threads.
  int threads = 0;
  int busy = 0;          // Run something, blocked ones included.
  int blocked = 0;       // Of the busy: say that they are blocked.
  int idle_expired = 0;  // Had nothing to do for the idle timeout.
  int idle_parked = 0;   // Could be retired now.
  // Threads were abandoned, which count nowhere here, and as many have not started since.
  bool replaces_abandoned = false;
  // Busy threads that do not say that they are blocked and yet sleep: the sum of the shares of the
  // time that they neither ran nor waited for a processor.
  double sleeping = 0;
  bool usage_known = true;  // Whether the kernel tells what they do.
  // The share of their runnable time that busy threads waited for a processor: 0 to 1.
  double contention = 0;

  // Work.
  size_t waiting_urgent = 0;      // Critical and High.
  size_t waiting_background = 0;  // Normal and Low.
  int background_places = 0;      // Free places under their running cap.
  // How long work has waited with nobody free to take it.
  absl::Duration pressure;
  // How long work has waited without any dispatch.
  absl::Duration since_dispatch;

  // History.
  std::optional<MonoTime> last_growth;
  std::optional<MonoTime> last_shrink;
};

struct ScalingAction {
  int target = 0;  // Threads that there should be; as many as there are: nothing to do.
  ScalingReason reason = ScalingReason::kNone;
  // More work than the processors can do, and threads do not help: admission should slow down.
  bool overloaded = false;

  bool operator==(const ScalingAction&) const = default;
};

// Rules, the first that applies:
//  1. Below the least number: grow to it. Above the greatest: shrink as threads become idle.
//  2. Work waits that no idle thread may take:
//     a. all busy threads are blocked: double, at most once a tick;
//     b. nothing was dispatched for stall_timeout, and not because the processors are busy with it:
//        half as many more;
//     c. with contended processors: overloaded, do not grow;
//     d. threads < cpus / (1 − share blocked) + 1: grow towards that, at most double. The one more
//        is the thread that Low and Normal may not use. So work that keeps processors busy never
//        grows the pool beyond cpus + 1.
//  3. Threads that were idle for the idle timeout: retire one, or 1/32 of what is too many.
// While threads are busy one idle thread is spared (by 1 and 3): Low and Normal may hold all
// others, and High and Critical count on it. Shrinking waits flip_hold after growing, and growing
// by 2d flip_hold after shrinking; 2a and 2b do not wait, because nothing would run meanwhile. So
// the pool does not swing faster than that.
ScalingAction DecideScaling(const PoolSnapshot& snapshot, const ScalingOptions& options);

}  // namespace taskforge

#endif  // TASKFORGE_POOL_SCALING_POLICY_H_

// What the status page shows: plain numbers, which service/status_snapshot.cc
// makes of the components' statistics.
#ifndef TASKFORGE_ADMIN_STATUS_H_
#define TASKFORGE_ADMIN_STATUS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace taskforge {

// Counts named *_total are since the start: the page derives rates from two of its polls.
struct StatusSnapshot {
  struct Priority {
    std::string name;  // critical, high, normal, low: in the order in which they are shown.
    uint64_t waiting = 0;
    uint64_t started_total = 0;
    // Wait from submit to start; none while nothing has started.
    std::optional<absl::Duration> wait_p50;
    std::optional<absl::Duration> wait_p99;
  };
  struct Resize {
    absl::Time time;
    int from_threads = 0;
    int to_threads = 0;
    std::string reason;
  };
  struct Pool {
    int busy = 0;
    int idle = 0;
    int blocked = 0;
    int target = 0;
    int min = 0;
    int max = 0;
    double cpu_limit_cores = 0;
    bool overloaded = false;      // The processors have more to do than they can.
    std::vector<Resize> resizes;  // The last few, newest first.
  };
  struct Queue {
    std::string name;
    uint64_t waiting = 0;
    uint64_t running = 0;
    uint64_t tasks_limit = 0;
    uint64_t bytes = 0;
    uint64_t bytes_limit = 0;
    std::optional<absl::Duration> oldest_age;  // None while nothing waits.
    bool paused = false;
  };
  struct Handler {
    std::string name;
    std::string kind;  // builtin, worker.
    uint64_t succeeded_total = 0;
    uint64_t failed_total = 0;
  };
  struct Bus {
    uint64_t subscribers = 0;
    uint64_t published_total = 0;
    uint64_t delivered_total = 0;
    uint64_t dropped_total = 0;
  };

  std::string version;
  std::string grpc_address;  // What a client dials.
  absl::Duration uptime;
  bool draining = false;

  uint64_t submitted_total = 0;
  uint64_t rejected_total = 0;
  uint64_t succeeded_total = 0;
  uint64_t failed_total = 0;
  uint64_t cancelled_total = 0;
  uint64_t expired_total = 0;
  uint64_t workers = 0;

  std::vector<Priority> priorities;
  Pool pool;
  std::vector<Queue> queues;
  std::vector<Handler> handlers;
  Bus bus;
};

// Is the server keeping up? A pure function of one snapshot.
struct StatusVerdict {
  enum class Level { kGood, kBusy, kBehind };
  Level level = Level::kGood;
  std::string text;  // One sentence: why, and where to look.
};

// Behind: a queue is full or nearly, or its oldest task has waited for more than kBehindAge.
// Busy: the processors or every thread that may exist are, or tasks wait. A paused queue is not
// behind.
inline constexpr double kBehindFill = 0.9;
inline constexpr absl::Duration kBehindAge = absl::Seconds(10);
StatusVerdict Judge(const StatusSnapshot& snapshot);

// The snapshot and its verdict, as the page reads it. Durations are seconds, times are Unix
// seconds.
std::string StatusJson(const StatusSnapshot& snapshot);

}  // namespace taskforge

#endif  // TASKFORGE_ADMIN_STATUS_H_

// What the kernel says about one thread: did it run, wait for a processor, or sleep?
#ifndef TASKFORGE_POOL_CPU_USAGE_H_
#define TASKFORGE_POOL_CPU_USAGE_H_

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace taskforge {

// Shares of a window of time; together at most 1, the rest was sleep.
struct CpuShares {
  double running = 0;
  double waiting = 0;  // Runnable, but another had the processor.
  double sleeping() const { return running + waiting >= 1 ? 0.0 : 1.0 - running - waiting; }
};

// Reads /proc/self/task/<tid>/schedstat (Documentation/scheduler/sched-stats.rst: nanoseconds on
// the processor, nanoseconds on the run queue, time slices). The kernel adds a wait only when it is
// over; so for a thread that is runnable now (state R in …/stat), what is missing counts as
// waiting. About 2 µs a reading. Not thread-safe.
class CpuUsage {
 public:
  CpuUsage() = default;
  ~CpuUsage() { Close(); }
  CpuUsage(const CpuUsage&) = delete;
  CpuUsage& operator=(const CpuUsage&) = delete;

  // Follows the thread `tid` of this process from now on.
  void Open(int tid);
  void Close();

  // Begins a new window at `now`.
  void Restart(MonoTime now);
  // What happened in a window of at least `least_ns`, and begins the next; until a window is that
  // long, what happened in the one before it. None: no window yet, or the kernel does not tell.
  std::optional<CpuShares> Read(MonoTime now, int64_t least_ns);

 private:
  struct Sample {
    MonoTime time;
    uint64_t running_ns = 0;
    uint64_t waiting_ns = 0;
  };
  std::optional<Sample> Take(MonoTime now) const;
  bool IsRunnable() const;

  int schedstat_fd_ = -1;
  int stat_fd_ = -1;
  std::optional<Sample> begin_;
  std::optional<CpuShares> last_;
};

}  // namespace taskforge

#endif  // TASKFORGE_POOL_CPU_USAGE_H_

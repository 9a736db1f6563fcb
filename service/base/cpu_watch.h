// The processor budget while the process runs: operators change quotas of running containers.
#ifndef TASKFORGE_BASE_CPU_WATCH_H_
#define TASKFORGE_BASE_CPU_WATCH_H_

#include <functional>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/cpu_budget.h"
#include "base/mutex.h"

namespace taskforge {

// Tells the budget to whoever asks, and reads it again first if what it knows is older than
// kMaxAge. It has no thread and no timer, so nobody is woken for it: an idle server asks nothing.
// Thread-safe.
class CpuWatch {
 public:
  // About 0.1 ms: opens some ten files of /sys/fs/cgroup.
  using Reader = std::function<CpuBudget()>;

  static constexpr absl::Duration kMaxAge = absl::Seconds(10);

  // `configured`: processors to count with, whatever the budget is; 0: the budget. `first` is the
  // budget as it was just read. `clock` must outlive it.
  CpuWatch(int configured, const CpuBudget& first, const Clock& clock, Reader reader);

  // Whole processors, at least 1.
  int Cpus() ABSL_LOCKS_EXCLUDED(mu_) { return Ask().cpus; }
  // The same as a limit: a quota of 1.5 is 1.5 here, and 2 above.
  double LimitCores() ABSL_LOCKS_EXCLUDED(mu_) { return Ask().limit_cores; }

 private:
  struct Known {
    int cpus = 1;
    double limit_cores = 1;
  };
  static Known From(int configured, const CpuBudget& budget);
  Known Ask() ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after construction.
  const int configured_;
  const Clock& clock_;
  const Reader reader_;

  // Guarded by mu_.
  Mutex mu_;
  Known known_ ABSL_GUARDED_BY(mu_);
  MonoTime next_read_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_CPU_WATCH_H_

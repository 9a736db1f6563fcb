#include "base/cpu_watch.h"

#include <utility>

namespace taskforge {

CpuWatch::CpuWatch(int configured, const CpuBudget& first, const Clock& clock, Reader reader)
    : configured_(configured),
      clock_(clock),
      reader_(std::move(reader)),
      known_(From(configured, first)),
      next_read_(clock.Monotonic() + kMaxAge) {}

CpuWatch::Known CpuWatch::From(int configured, const CpuBudget& budget) {
  if (configured > 0) return {configured, static_cast<double>(configured)};
  const int cpus = budget.cpus();
  return {cpus, budget.quota_cores.has_value() && *budget.quota_cores < cpus ? *budget.quota_cores
                                                                             : cpus};
}

CpuWatch::Known CpuWatch::Ask() {
  const MonoTime now = clock_.Monotonic();
  {
    MutexLock lock(mu_);
    if (configured_ > 0 || now < next_read_) return known_;
    // Others who ask while this one reads are told what was known.
    next_read_ = now + kMaxAge;
  }
  const Known known = From(configured_, reader_());
  MutexLock lock(mu_);
  known_ = known;
  return known;
}

}  // namespace taskforge

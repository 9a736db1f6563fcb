#include <sys/resource.h>
#include <sys/timex.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "base/clock.h"
#include "doctor.h"
#include "pool/cpu_usage.h"

namespace taskforge {
namespace {

// As the pool's controller reads it.
bool HasSchedstat() {
  const SystemClock clock;
  CpuUsage usage;
  usage.Open(gettid());
  const MonoTime now = clock.Monotonic();
  usage.Restart(now);
  return usage.Read(now + absl::Seconds(1), 1).has_value();
}

}  // namespace

MachineFacts ReadMachineFacts() {
  MachineFacts facts;
  facts.budget = ReadCpuBudget();
  const long pages = sysconf(_SC_PHYS_PAGES);  // NOLINT: POSIX's type.
  const long page = sysconf(_SC_PAGESIZE);     // NOLINT
  if (pages > 0 && page > 0) {
    facts.memory_bytes = static_cast<uint64_t>(pages) * static_cast<uint64_t>(page);
  }
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.descriptors_max = limit.rlim_cur;
  facts.now = absl::Now();
  timex state = {};  // No modes: it only reads.
  const int clock = adjtimex(&state);
  if (clock >= 0) {
    facts.is_clock_synchronized = clock != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
  }
  facts.has_schedstat = HasSchedstat();
  return facts;
}

}  // namespace taskforge

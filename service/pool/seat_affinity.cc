#include "pool/seat_affinity.h"

#include <string>
#include <utility>

#include "base/cpu_budget.h"
#include "base/error.h"

namespace taskforge {
namespace {

std::vector<CpuPlace> PlacesFor(const AffinityOptions& options) {
  if (options.mode == AffinityMode::kNone || options.mode == AffinityMode::kExplicit) return {};
  return ReadCpuPlaces(ReadCpuBudget().allowed_cpus);
}

}  // namespace

SeatAffinity::SeatAffinity(const AffinityOptions& options, const PoolCore& core,
                           FailureListener on_failure)
    : plan_(options, PlacesFor(options)),
      core_(core),
      on_failure_(std::move(on_failure)),
      kept_(WakeList::kMaxSeats) {}

absl::Status SeatAffinity::Set(uint32_t seat, const std::vector<int>& cpus) {
  // Before it is kept: the seat may have no thread yet on which it would fail.
  if (const absl::Status usable = CheckCpus(cpus); !usable.ok()) return usable;
  MutexLock lock(mu_);
  // A thread that starts now has told its id, or reads what is kept after this.
  const int tid = seat < core_.seat_count() ? core_.seat(seat).tid.load() : 0;
  if (tid != 0) {
    const absl::Status status = SetThreadCpus(tid, cpus);
    // What cannot be done must not wait for the seat's next thread.
    if (!status.ok() && !absl::IsNotFound(status)) {
      return InvalidArgument({{"cpus", std::string(status.message())}});
    }
  }
  kept_[seat] = cpus;
  return absl::OkStatus();
}

std::vector<int> SeatAffinity::Of(uint32_t seat) const {
  MutexLock lock(mu_);
  return KeptFor(seat);
}

std::vector<int> SeatAffinity::KeptFor(uint32_t seat) const {
  return kept_[seat].has_value() ? *kept_[seat] : plan_.ForSeat(seat);
}

void SeatAffinity::ApplyToThisThread(uint32_t seat) {
  absl::Status status;
  {
    MutexLock lock(mu_);
    const std::vector<int> cpus = KeptFor(seat);
    if (!cpus.empty()) status = SetThreadCpus(0, cpus);
  }
  if (status.ok()) return;
  // Better a thread in the wrong place than none: the statistics show where it runs.
  const bool first = failures_.fetch_add(1, std::memory_order_relaxed) == 0;
  if (first && on_failure_) on_failure_(seat, status);
}

}  // namespace taskforge

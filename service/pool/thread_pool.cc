#include "pool/thread_pool.h"

#include <algorithm>
#include <utility>

#include "base/futex.h"

namespace taskforge {
namespace {

// Completions are counted without a barrier: a drain looks again after so long at the latest.
constexpr absl::Duration kDrainLook = absl::Milliseconds(10);

// What stands for a derived limit is fixed by the start: the rings are as large as it says.
PoolOptions Resolved(PoolOptions options) {
  options.capacity_limit = options.CapacityLimit();
  return options;
}

}  // namespace

ThreadPool::ThreadPool(const PoolOptions& options, const Clock& clock, PoolHooks hooks)
    : options_(Resolved(options)),
      core_(options_, clock),
      controller_(options_, core_, std::move(hooks)) {}

ThreadPool::~ThreadPool() { Stop(); }

void ThreadPool::Stop(const GiveBack& give_back) {
  // Before anybody can see that the pool closes: from then on no more of what waits is begun.
  core_.SetStopping();
  core_.SetPhase(PoolCore::Phase::kClosed);
  controller_.Stop();
  ReturnWaiting(give_back);
}

size_t ThreadPool::ReturnWaiting(const GiveBack& give_back) {
  return core_.TakeAll([&](Work& work) {
    if (give_back) give_back(work);
  });
}

bool ThreadPool::AllDone() const {
  uint64_t done = 0;
  uint64_t submitted = 0;
  for (Priority priority : kPriorities) {
    // What is done is read first: if the two agree, nothing was pending then.
    done += core_.returned[priority].load();
    for (uint32_t i = 0; i < core_.seat_count(); ++i) {
      const SeatCounters& counters = core_.seat(i).counters;
      done += counters.completed[priority].load() + counters.cancelled[priority].load();
    }
  }
  for (Priority priority : kPriorities) submitted += core_.rings.pushed(priority);
  return done == submitted;
}

size_t ThreadPool::RunningNow() const {
  size_t running = 0;
  for (uint32_t i = 0; i < core_.seat_count(); ++i) {
    const Seat& seat = core_.seat(i);
    if (seat.activity.state() != ThreadState::kIdle && !seat.has_left.load()) ++running;
  }
  return running;
}

DrainReport ThreadPool::Drain(MonoTime deadline, const GiveBack& give_back) {
  if (core_.phase() == PoolCore::Phase::kOpen) core_.SetPhase(PoolCore::Phase::kDraining);
  DrainReport report;
  for (;;) {
    const uint32_t seen = core_.idle_sequence.load();
    report.complete = AllDone();
    const MonoTime now = core_.clock.Monotonic();
    if (report.complete || now >= deadline) break;
    FutexWait(core_.idle_sequence, seen, std::min(deadline, now + kDrainLook));
  }
  core_.SetPhase(PoolCore::Phase::kClosed);
  report.returned = ReturnWaiting(give_back);
  if (!report.complete) report.still_running = RunningNow();
  return report;
}

absl::Status ThreadPool::UpdateOptions(const PoolUpdate& update) {
  // Again if another update came between: it holds too, and both together must be valid.
  for (;;) {
    const PoolSettings before = controller_.settings();
    PoolSettings after = before;
    if (const absl::Status valid = Apply(update, after); !valid.ok()) return valid;
    if (controller_.ReplaceSettings(before, after)) return absl::OkStatus();
  }
}

absl::Status ThreadPool::Apply(const PoolUpdate& update, PoolSettings& settings) const {
  if (update.min_threads) settings.min_threads = *update.min_threads;
  if (update.max_threads) settings.max_threads = *update.max_threads;
  if (update.idle_timeout) settings.idle_timeout = *update.idle_timeout;
  if (update.allow_growth) settings.allow_growth = *update.allow_growth;
  if (update.default_priority) settings.default_priority = *update.default_priority;
  if (update.capacity) settings.capacity = *update.capacity;
  ReservedCapacity& reserved = settings.reserved_capacity;
  const auto& reserves = update.reserved_capacity;
  reserved.critical = reserves[Priority::kCritical].value_or(reserved.critical);
  reserved.high = reserves[Priority::kHigh].value_or(reserved.high);
  reserved.normal = reserves[Priority::kNormal].value_or(reserved.normal);

  PoolOptions options = options_;
  options.min_threads = settings.min_threads;
  options.max_threads = settings.max_threads;
  options.idle_timeout = settings.idle_timeout;
  options.capacity = settings.capacity;
  options.reserved_capacity = settings.reserved_capacity;
  if (const absl::Status valid = options.Validate(); !valid.ok()) return valid;
  // 0 stands for the default here too.
  settings.max_threads = options.MaxThreads();
  return absl::OkStatus();
}

}  // namespace taskforge

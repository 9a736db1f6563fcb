#include "pool/stats.h"

#include <unistd.h>

#include <optional>
#include <vector>

#include "pool/affinity.h"

namespace taskforge {
namespace {

uint64_t Read(const std::atomic<uint64_t>& counter) {
  return counter.load(std::memory_order_acquire);
}

// What one seat did. It runs one piece of work at a time, so of what it has taken all but the last
// has ended, also where its counters were read while it went on: what looks like more is counted as
// completed.
void CollectSeat(const Seat& seat, PoolStats& stats, PerPriority<uint64_t>& taken) {
  std::optional<Priority> running;
  for (Priority priority : kPriorities) {
    PoolPriorityStats& out = stats.priorities[priority];
    // Later stages first, so that nothing has left a stage that it has not entered.
    const uint64_t completed = Read(seat.counters.completed[priority]);
    const uint64_t cancelled = Read(seat.counters.cancelled[priority]);
    const uint64_t taken_here = Read(seat.counters.taken[priority]);
    const uint64_t open = taken_here - completed - cancelled;
    out.completed += completed;
    out.cancelled += cancelled;
    taken[priority] += taken_here;
    seat.waits.AddTo(priority, out.waits);
    seat.runs.AddTo(priority, out.runs);
    if (open == 0) continue;
    out.completed += open - 1;
    ++out.running;
    if (running.has_value()) {
      --stats.priorities[*running].running;
      ++stats.priorities[*running].completed;
    }
    running = priority;
  }
}

void CollectWork(const PoolCore& core, PoolStats& stats) {
  PerPriority<uint64_t> taken;
  for (uint32_t i = 0; i < core.seat_count(); ++i) CollectSeat(core.seat(i), stats, taken);
  for (Priority priority : kPriorities) {
    PoolPriorityStats& out = stats.priorities[priority];
    out.returned = Read(core.returned[priority]);
    out.submitted = core.rings.pushed(priority);
    out.refused = Read(core.refused[priority]);
    out.queued = out.submitted - taken[priority] - out.returned;
    out.guaranteed_slots = core.layout.guaranteed(priority);
    stats.submitted += out.submitted;
    stats.queued += out.queued;
    stats.running += out.running;
    stats.completed += out.completed;
  }
}

// As PoolThreadStats tells it. `everywhere`: where the process may run.
std::vector<int> CpusInForce(int tid, const std::optional<std::vector<int>>& everywhere) {
  if (tid == 0) return {};  // It is just starting or ending.
  std::optional<std::vector<int>> cpus = ThreadCpus(tid);
  if (!cpus.has_value() || cpus == everywhere) return {};
  return *std::move(cpus);
}

void CountThread(ThreadState state, PoolStats& stats) {
  if (state == ThreadState::kAbandoned) {
    ++stats.abandoned;
    return;
  }
  ++stats.threads;
  if (state == ThreadState::kIdle) ++stats.idle;
  if (state != ThreadState::kIdle) ++stats.busy;
  if (state == ThreadState::kBlocked) ++stats.blocked;
}

void CollectThreads(const PoolCore& core, PoolStats& stats) {
  const std::optional<std::vector<int>> everywhere = ThreadCpus(getpid());
  for (uint32_t i = 0; i < core.seat_count(); ++i) {
    const Seat& seat = core.seat(i);
    stats.exceptions += Read(seat.counters.exceptions);
    stats.parks += Read(seat.counters.parks);
    stats.busy_seconds += static_cast<double>(Read(seat.counters.busy_ns)) * 1e-9;
    if (!seat.occupied.load()) continue;
    PoolThreadStats thread;
    thread.seat = static_cast<int>(i);
    thread.tid = seat.tid.load();
    thread.state = seat.activity.state();
    thread.since = MonoTime{seat.since_ns.load()};
    thread.priority = seat.priority.load();
    thread.cpus = CpusInForce(thread.tid, everywhere);
    for (Priority priority : kPriorities) thread.dispatches += Read(seat.counters.taken[priority]);
    CountThread(thread.state, stats);
    stats.thread_list.push_back(std::move(thread));
  }
}

}  // namespace

PoolStats CollectStats(const PoolCore& core, const Controller& controller) {
  PoolStats stats;
  stats.now = core.clock.Monotonic();
  stats.settings = controller.settings();
  stats.cpus = controller.cpus();
  stats.slots = core.layout.slots();
  stats.seats = core.seat_count();
  stats.target = controller.target();
  stats.peak = controller.peak_threads();
  stats.overloaded = controller.overloaded();
  stats.draining = core.phase() != PoolCore::Phase::kOpen;
  CollectWork(core, stats);
  stats.dispatches = core.AllDispatches();
  stats.capped_dispatches = Read(core.out.dispatches_at_cap);
  stats.wakeups = core.wakes.futex_wakes();
  stats.thread_creation_failures = controller.creation_failures();
  stats.affinity_failures = controller.affinity().failures();
  stats.resizes = controller.resizes().counts();
  CollectThreads(core, stats);
  return stats;
}

}  // namespace taskforge

#include "pool/stats.h"

namespace taskforge {
namespace {

uint64_t Read(const std::atomic<uint64_t>& counter) {
  return counter.load(std::memory_order_acquire);
}

void CollectPriority(const PoolCore& core, Priority priority, PoolPriorityStats& stats) {
  // Later stages first, so that nothing has left a stage that it has not entered.
  uint64_t taken = 0;
  for (uint32_t i = 0; i < core.seat_count(); ++i) {
    const SeatCounters& counters = core.seat(i).counters;
    const uint64_t completed = Read(counters.completed[priority]);
    const uint64_t cancelled = Read(counters.cancelled[priority]);
    stats.completed += completed;
    stats.cancelled += cancelled;
    taken += Read(counters.taken[priority]);
    core.seat(i).waits.AddTo(priority, stats.waits);
    core.seat(i).runs.AddTo(priority, stats.runs);
  }
  stats.returned = Read(core.returned[priority]);
  stats.submitted = Read(core.submitted[priority]);
  stats.refused = Read(core.refused[priority]);
  stats.running = taken - stats.completed - stats.cancelled;
  stats.queued = stats.submitted - taken - stats.returned;
  stats.guaranteed_slots = core.layout.guaranteed(priority);
}

void CollectThreads(const PoolCore& core, const Controller& controller, PoolStats& stats) {
  for (uint32_t i = 0; i < core.seat_count(); ++i) {
    const Seat& seat = core.seat(i);
    stats.exceptions += Read(seat.counters.exceptions);
    stats.parks += Read(seat.counters.parks);
    stats.busy_seconds += static_cast<double>(Read(seat.counters.busy_ns)) * 1e-9;
    if (!seat.occupied.load()) continue;
    PoolThreadStats thread;
    thread.seat = static_cast<int>(i);
    thread.tid = seat.tid.load();
    thread.state = seat.state.load();
    thread.since = MonoTime{seat.since_ns.load()};
    thread.priority = seat.priority.load();
    thread.cpus = controller.CpusOf(i);
    for (Priority priority : kPriorities) thread.dispatches += Read(seat.counters.taken[priority]);
    ++stats.threads;
    if (thread.state == ThreadState::kIdle) ++stats.idle;
    if (thread.state != ThreadState::kIdle) ++stats.busy;
    if (thread.state == ThreadState::kBlocked) ++stats.blocked;
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
  for (Priority priority : kPriorities) {
    CollectPriority(core, priority, stats.priorities[priority]);
    stats.submitted += stats.priorities[priority].submitted;
    stats.queued += stats.priorities[priority].queued;
    stats.running += stats.priorities[priority].running;
    stats.completed += stats.priorities[priority].completed;
  }
  stats.dispatches = core.AllDispatches();
  stats.capped_dispatches = Read(core.dispatches[1]);
  stats.wakeups = core.wakes.futex_wakes();
  stats.thread_creation_failures = controller.creation_failures();
  stats.resizes = controller.resizes().counts();
  CollectThreads(core, controller, stats);
  return stats;
}

}  // namespace taskforge

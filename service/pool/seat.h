// A place for one worker thread, with what outlives the thread: what is owed, and the counters.
#ifndef TASKFORGE_POOL_SEAT_H_
#define TASKFORGE_POOL_SEAT_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/histogram.h"
#include "pool/slot_table.h"
#include "task/priority.h"

namespace taskforge {

enum class ThreadState : uint8_t {
  kIdle = 0,
  kBusy = 1,
  kBlocked = 2,
  kAbandoned = 3,  // Held by work that nobody waits for any more; ends when that does.
};

// `idle`, `busy`, `blocked`, `abandoned`.
constexpr absl::string_view Name(ThreadState state) {
  constexpr std::array<absl::string_view, 4> kNames = {"idle", "busy", "blocked", "abandoned"};
  return kNames[static_cast<size_t>(state)];
}

// What the thread of a seat does, and in which of its runs: one word, so that of the thread that
// ends a run and of whoever abandons it one is the first. All but Abandon() and the readers are for
// the seat's thread. Thread-safe.
class SeatActivity {
 public:
  ThreadState state() const { return StateOf(word_.load()); }
  // Names the run that is on, or comes next. Never 0.
  uint64_t ticket() const { return word_.load(std::memory_order_relaxed) >> kShift; }

  // REQUIRES: no run is on.
  void SetIdle() { Set(ThreadState::kIdle); }
  void BeginRun() { Set(ThreadState::kBusy); }
  // False: the run had been abandoned, and the state stays so. Else the state stays busy.
  bool EndRun() {
    return StateOf(word_.fetch_add(uint64_t{1} << kShift)) != ThreadState::kAbandoned;
  }
  // During a run; false: it has been abandoned.
  bool SetBlocked(bool is_blocked) {
    uint64_t seen = Word(ticket(), is_blocked ? ThreadState::kBusy : ThreadState::kBlocked);
    return word_.compare_exchange_strong(
        seen, Word(ticket(), is_blocked ? ThreadState::kBlocked : ThreadState::kBusy));
  }
  // False: the run `ticket` is not on.
  bool Abandon(uint64_t ticket) {
    uint64_t seen = word_.load();
    while (seen == Word(ticket, ThreadState::kBusy) ||
           seen == Word(ticket, ThreadState::kBlocked)) {
      if (word_.compare_exchange_weak(seen, Word(ticket, ThreadState::kAbandoned))) return true;
    }
    return false;
  }

 private:
  static constexpr int kShift = 2;
  static ThreadState StateOf(uint64_t word) { return static_cast<ThreadState>(word & 3); }
  static uint64_t Word(uint64_t ticket, ThreadState state) {
    return ticket << kShift | static_cast<uint64_t>(state);
  }
  // release: pairs with the loads of who sees the state; publishes what the seat says of the run.
  void Set(ThreadState state) { word_.store(Word(ticket(), state), std::memory_order_release); }

  std::atomic<uint64_t> word_{Word(1, ThreadState::kIdle)};
};

// What one seat counts. Written by the seat's thread only, read by any.
struct SeatCounters {
  PerPriority<std::atomic<uint64_t>> taken;      // Out of the ring; cancelled ones too.
  PerPriority<std::atomic<uint64_t>> completed;  // Ran to its end.
  PerPriority<std::atomic<uint64_t>> cancelled;  // Found to be cancelled.
  std::atomic<uint64_t> exceptions{0};
  std::atomic<uint64_t> busy_ns{0};
  std::atomic<uint64_t> parks{0};
};

// A histogram for each priority, made when the priority first needs one: 4 KiB each.
// Written by one thread at a time, read by any.
class LazyHistograms {
 public:
  LazyHistograms() = default;
  ~LazyHistograms();
  LazyHistograms(const LazyHistograms&) = delete;
  LazyHistograms& operator=(const LazyHistograms&) = delete;

  void Record(Priority priority, int64_t ns) {
    SingleWriterHistogram* histogram = histograms_[priority].load(std::memory_order_relaxed);
    if (histogram == nullptr) histogram = &Make(priority);
    histogram->Record(ns);
  }
  void AddTo(Priority priority, HistogramSnapshot& out) const;

 private:
  SingleWriterHistogram& Make(Priority priority);

  PerPriority<std::atomic<SingleWriterHistogram*>> histograms_{};
};

// Whether what a dispatch counts for statistics alone is counted. Always, but in the build whose
// instructions `tools/bench pool --statistics` holds against ours: PoolStats says nothing of waits,
// runs and busy time there, and counts of what is queued and running are wrong.
#ifdef TASKFORGE_POOL_WITHOUT_STATISTICS
constexpr bool kCountsDispatches = false;
#else
constexpr bool kCountsDispatches = true;
#endif

// Lives as long as the pool, or from the first thread that sits on it. The groups are on lines of
// their own because different threads write them.
struct alignas(64) Seat {
  Seat(uint32_t seat_index, const SlotLayout& layout)
      : index(seat_index), slots(layout, seat_index * 5) {}

  // Of the seat's thread alone, at a dispatch and at its end.
  void CountTaken(Priority taken) {
    if constexpr (kCountsDispatches) SingleWriterAdd(counters.taken[taken], 1);
  }
  void CountRun(Priority ran, int64_t wait_ns, int64_t run_ns) {
    if constexpr (kCountsDispatches) {
      waits.Record(ran, wait_ns);
      runs.Record(ran, run_ns);
      SingleWriterAdd(counters.busy_ns, static_cast<uint64_t>(run_ns));
    }
  }

  const uint32_t index;

  // Of the seat's thread alone; handed to the next one by the join.
  SlotTable slots;
  // A place under the running cap was given back, and nobody has looked for work since.
  bool freed_cap = false;

  SeatCounters counters;
  LazyHistograms waits;
  LazyHistograms runs;

  // Written by the seat's thread, read by the controller and the statistics.
  alignas(64) SeatActivity activity;
  std::atomic<Priority> priority{Priority::kNormal};  // Of what runs.
  std::atomic<bool> holds_cap{false};                 // What runs has a place under the cap.
  std::atomic<int64_t> since_ns{0};                   // When the state of `activity` began.
  std::atomic<int> tid{0};
  std::atomic<bool> occupied{false};  // Has a thread.
  std::atomic<bool> has_left{false};  // Its thread was abandoned, and ends: to be joined.
};

}  // namespace taskforge

#endif  // TASKFORGE_POOL_SEAT_H_

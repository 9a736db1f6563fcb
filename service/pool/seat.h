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

enum class ThreadState : uint8_t { kIdle = 0, kBusy = 1, kBlocked = 2 };

// `idle`, `busy`, `blocked`.
constexpr absl::string_view Name(ThreadState state) {
  constexpr std::array<absl::string_view, 3> kNames = {"idle", "busy", "blocked"};
  return kNames[static_cast<size_t>(state)];
}

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

  void Record(Priority priority, int64_t ns);
  void AddTo(Priority priority, HistogramSnapshot& out) const;

 private:
  PerPriority<std::atomic<SingleWriterHistogram*>> histograms_{};
};

// Lives as long as the pool, or from the first thread that sits on it. The groups are on lines of
// their own because different threads write them.
struct alignas(64) Seat {
  Seat(uint32_t seat_index, const SlotLayout& layout)
      : index(seat_index), slots(layout, seat_index * 5) {}

  const uint32_t index;

  // Of the seat's thread alone; handed to the next one by the join.
  SlotTable slots;
  // A place under the running cap was given back, and nobody has looked for work since.
  bool freed_cap = false;

  SeatCounters counters;
  LazyHistograms waits;
  LazyHistograms runs;

  // Written by the seat's thread, read by the controller and the statistics.
  alignas(64) std::atomic<ThreadState> state{ThreadState::kIdle};
  std::atomic<Priority> priority{Priority::kNormal};  // Of what runs.
  std::atomic<int64_t> since_ns{0};                   // When `state` began.
  std::atomic<int> tid{0};
  std::atomic<bool> occupied{false};  // Has a thread.
};

}  // namespace taskforge

#endif  // TASKFORGE_POOL_SEAT_H_

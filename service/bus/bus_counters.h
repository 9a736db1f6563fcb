// What the bus counts while it runs.
#ifndef TASKFORGE_BUS_BUS_COUNTERS_H_
#define TASKFORGE_BUS_BUS_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "base/histogram.h"
#include "base/sharded_counter.h"
#include "bus/subscription.h"
#include "task/priority.h"

namespace taskforge {

// Each thread counts in a part of its own, with plain loads and stores; the parts are summed when
// they are read. Thread-safe.
class BusCounters {
 public:
  void CountPublished(Priority priority) { published_[Index(priority)].Add(); }
  void CountSinkException() { sink_exceptions_.Add(); }
  // Of a subscription whose counts have been taken over. It is rare: no part for each thread.
  void CountLateDrop(DropReason reason, uint64_t n) {
    // relaxed: a figure.
    late_dropped_[static_cast<size_t>(reason)].fetch_add(n, std::memory_order_relaxed);
  }
  // From the routing of each event of a batch until its sink is called.
  void RecordDeliveries(absl::Span<const int64_t> ns) { latency_.Record(0, ns); }

  uint64_t published(Priority priority) const { return published_[Index(priority)].Sum(); }
  uint64_t sink_exceptions() const { return sink_exceptions_.Sum(); }
  uint64_t late_dropped(size_t reason) const {
    return late_dropped_[reason].load(std::memory_order_relaxed);
  }
  HistogramSnapshot Latency() const { return latency_.Snapshot(0); }

 private:
  std::array<ShardedCounter, kPriorityCount> published_;
  ShardedCounter sink_exceptions_;
  std::array<std::atomic<uint64_t>, kDropReasonCount> late_dropped_{};
  ShardedHistograms latency_{1};
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_BUS_COUNTERS_H_

// What the bus counts while it runs.
#ifndef TASKFORGE_BUS_BUS_COUNTERS_H_
#define TASKFORGE_BUS_BUS_COUNTERS_H_

#include <array>
#include <cstdint>

#include "absl/types/span.h"
#include "base/histogram.h"
#include "base/sharded_counter.h"
#include "task/priority.h"

namespace taskforge {

// Each thread counts in a part of its own, with plain loads and stores; the parts are summed when
// they are read. Thread-safe.
class BusCounters {
 public:
  void CountPublished(Priority priority) { published_[Index(priority)].Add(); }
  void CountSinkException() { sink_exceptions_.Add(); }
  // From the routing of each event of a batch until its sink is called.
  void RecordDeliveries(absl::Span<const int64_t> ns) { latency_.Record(0, ns); }

  uint64_t published(Priority priority) const { return published_[Index(priority)].Sum(); }
  uint64_t sink_exceptions() const { return sink_exceptions_.Sum(); }
  HistogramSnapshot Latency() const { return latency_.Snapshot(0); }

 private:
  std::array<ShardedCounter, kPriorityCount> published_;
  ShardedCounter sink_exceptions_;
  ShardedHistograms latency_{1};
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_BUS_COUNTERS_H_

// What the bus counts while it runs.
#ifndef TASKFORGE_BUS_BUS_COUNTERS_H_
#define TASKFORGE_BUS_BUS_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/histogram.h"
#include "task/priority.h"

namespace taskforge {

// Sharded, so that publishing and delivering threads do not write the same line; summed when read.
// Relaxed throughout: numbers for people. Thread-safe.
class BusCounters {
 public:
  void CountPublished(Priority priority, uint64_t n = 1) {
    Mine().published[Index(priority)].fetch_add(n, std::memory_order_relaxed);
  }
  void CountSinkException() { sink_exceptions_.fetch_add(1, std::memory_order_relaxed); }
  // From the routing of an event until its sink is called.
  void RecordDelivery(int64_t ns) {
    Shard& shard = Mine();
    const int64_t value = ns < 0 ? 0 : ns;
    shard.latency[HistogramLayout::BucketOf(value)].fetch_add(1, std::memory_order_relaxed);
    shard.latency_sum.fetch_add(static_cast<uint64_t>(value), std::memory_order_relaxed);
  }

  uint64_t published(Priority priority) const {
    uint64_t sum = 0;
    for (const Shard& shard : shards_) {
      sum += shard.published[Index(priority)].load(std::memory_order_relaxed);
    }
    return sum;
  }
  uint64_t sink_exceptions() const { return sink_exceptions_.load(std::memory_order_relaxed); }
  HistogramSnapshot Latency() const {
    HistogramSnapshot out;
    for (const Shard& shard : shards_) {
      for (size_t i = 0; i < HistogramLayout::kBuckets; ++i) {
        const uint64_t n = shard.latency[i].load(std::memory_order_relaxed);
        out.counts[i] += n;
        out.count += n;
      }
      out.sum += shard.latency_sum.load(std::memory_order_relaxed);
    }
    return out;
  }

 private:
  static constexpr size_t kShards = 8;
  // A line of its own for each shard: what one thread counts does not slow another down.
  struct alignas(64) Shard {
    std::array<std::atomic<uint64_t>, kPriorityCount> published{};
    std::array<std::atomic<uint64_t>, HistogramLayout::kBuckets> latency{};
    std::atomic<uint64_t> latency_sum{0};
  };

  Shard& Mine() {
    static std::atomic<size_t> next{0};
    thread_local const size_t mine = next.fetch_add(1, std::memory_order_relaxed) % kShards;
    return shards_[mine];
  }

  std::array<Shard, kShards> shards_{};
  std::atomic<uint64_t> sink_exceptions_{0};
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_BUS_COUNTERS_H_

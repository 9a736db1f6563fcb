// A log-linear histogram of durations: 2^kSubBits linear steps in each power of two, as
// HdrHistogram has them (http://hdrhistogram.org). Relative error of a quantile: at most
// 1/2^kSubBits.
#ifndef TASKFORGE_BASE_HISTOGRAM_H_
#define TASKFORGE_BASE_HISTOGRAM_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace taskforge {

// Adds to a counter that only this thread writes: a load and a store, no locked instruction.
// Readers on other threads see some recent value.
inline void SingleWriterAdd(std::atomic<uint64_t>& counter, uint64_t amount) {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

struct HistogramLayout {
  static constexpr int kSubBits = 3;
  static constexpr size_t kSub = size_t{1} << kSubBits;
  static constexpr size_t kBuckets = (64 - kSubBits) * kSub;

  // The bucket of a value in nanoseconds. Negative values count as zero. Without a branch: below
  // kSub the step is 1, as it is from there to 2 kSub.
  static constexpr size_t BucketOf(int64_t value) {
    const uint64_t v = value < 0 ? 0 : static_cast<uint64_t>(value);
    const int shift = 63 - kSubBits - std::countl_zero(v | kSub);
    return static_cast<size_t>(shift) * kSub + static_cast<size_t>(v >> shift);
  }
  // The least value of a bucket.
  static constexpr int64_t LowerBound(size_t bucket) {
    if (bucket < kSub) return static_cast<int64_t>(bucket);
    const size_t exponent = bucket / kSub + kSubBits - 1;
    const size_t step = bucket % kSub;
    return static_cast<int64_t>((kSub + step) << (exponent - kSubBits));
  }
  // The greatest value of a bucket.
  static constexpr int64_t UpperBound(size_t bucket) {
    return bucket + 1 < kBuckets ? LowerBound(bucket + 1) - 1 : INT64_MAX;
  }
};

// What a histogram held at one time, and sums of several. Not thread-safe.
struct HistogramSnapshot {
  std::array<uint64_t, HistogramLayout::kBuckets> counts{};
  uint64_t count = 0;
  uint64_t sum = 0;  // Of the values, in nanoseconds.

  void Merge(const HistogramSnapshot& other);
  // What came in after `earlier`, which is an earlier snapshot of the same.
  HistogramSnapshot Since(const HistogramSnapshot& earlier) const;
  // The value in nanoseconds that a share `q` in [0, 1] of the values does not exceed, within the
  // layout's error; 0 when empty.
  int64_t Quantile(double q) const;
  // How many values are at most `bound` ns: a bucket that straddles the bound counts by share.
  uint64_t CountAtMost(int64_t bound) const;
  double Mean() const {
    return count == 0 ? 0.0 : static_cast<double>(sum) / static_cast<double>(count);
  }
};

// Written by one thread at a time, read by any. About 3 ns a value.
class SingleWriterHistogram {
 public:
  void Record(int64_t ns) {
    const int64_t value = ns < 0 ? 0 : ns;
    SingleWriterAdd(counts_[HistogramLayout::BucketOf(value)], 1);
    SingleWriterAdd(sum_, static_cast<uint64_t>(value));
  }
  // Adds what is held to `out`. Thread-safe. `count` is the sum of the buckets, so the two agree.
  void AddTo(HistogramSnapshot& out) const;

 private:
  std::array<std::atomic<uint64_t>, HistogramLayout::kBuckets> counts_{};
  std::atomic<uint64_t> sum_{0};
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_HISTOGRAM_H_

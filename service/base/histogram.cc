#include "base/histogram.h"

#include <algorithm>
#include <cmath>

namespace taskforge {

void HistogramSnapshot::Merge(const HistogramSnapshot& other) {
  for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  count += other.count;
  sum += other.sum;
}

HistogramSnapshot HistogramSnapshot::Since(const HistogramSnapshot& earlier) const {
  HistogramSnapshot later;
  for (size_t i = 0; i < counts.size(); ++i) later.counts[i] = counts[i] - earlier.counts[i];
  later.count = count - earlier.count;
  later.sum = sum - earlier.sum;
  return later;
}

int64_t HistogramSnapshot::Quantile(double q) const {
  if (count == 0) return 0;
  const double share = std::clamp(q, 0.0, 1.0) * static_cast<double>(count);
  const uint64_t rank = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(share)));
  uint64_t seen = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    seen += counts[i];
    // The greatest value of the bucket: a quantile is never understated.
    if (seen >= rank) return HistogramLayout::UpperBound(i);
  }
  return HistogramLayout::LowerBound(counts.size() - 1);
}

uint64_t HistogramSnapshot::CountAtMost(int64_t bound) const {
  if (bound < 0) return 0;
  const size_t last = HistogramLayout::BucketOf(bound);
  uint64_t total = 0;
  for (size_t i = 0; i < last; ++i) total += counts[i];
  const double low = static_cast<double>(HistogramLayout::LowerBound(last));
  const double size = static_cast<double>(HistogramLayout::UpperBound(last)) - low + 1;
  const double share = (static_cast<double>(bound) + 1 - low) / size;
  return total + static_cast<uint64_t>(static_cast<double>(counts[last]) * std::min(1.0, share));
}

void SingleWriterHistogram::AddTo(HistogramSnapshot& out) const {
  for (size_t i = 0; i < counts_.size(); ++i) {
    const uint64_t n = counts_[i].load(std::memory_order_relaxed);
    out.counts[i] += n;
    out.count += n;
  }
  out.sum += sum_.load(std::memory_order_relaxed);
}

}  // namespace taskforge

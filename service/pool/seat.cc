#include "pool/seat.h"

namespace taskforge {

LazyHistograms::~LazyHistograms() {
  for (Priority priority : kPriorities) delete histograms_[priority].load();
}

void LazyHistograms::Record(Priority priority, int64_t ns) {
  SingleWriterHistogram* histogram = histograms_[priority].load(std::memory_order_relaxed);
  if (histogram == nullptr) {
    histogram = new SingleWriterHistogram;
    // release: pairs with the acquire in AddTo(); publishes the zeroed histogram.
    histograms_[priority].store(histogram, std::memory_order_release);
  }
  histogram->Record(ns);
}

void LazyHistograms::AddTo(Priority priority, HistogramSnapshot& out) const {
  const SingleWriterHistogram* histogram = histograms_[priority].load(std::memory_order_acquire);
  if (histogram != nullptr) histogram->AddTo(out);
}

}  // namespace taskforge

#include "pool/seat.h"

namespace taskforge {

LazyHistograms::~LazyHistograms() {
  for (Priority priority : kPriorities) delete histograms_[priority].load();
}

SingleWriterHistogram& LazyHistograms::Make(Priority priority) {
  auto* const histogram = new SingleWriterHistogram;
  // release: pairs with the acquire in AddTo(); publishes the zeroed histogram.
  histograms_[priority].store(histogram, std::memory_order_release);
  return *histogram;
}

void LazyHistograms::AddTo(Priority priority, HistogramSnapshot& out) const {
  const SingleWriterHistogram* histogram = histograms_[priority].load(std::memory_order_acquire);
  if (histogram != nullptr) histogram->AddTo(out);
}

}  // namespace taskforge

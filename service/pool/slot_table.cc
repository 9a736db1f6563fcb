#include "pool/slot_table.h"

namespace taskforge {

SlotLayout::SlotLayout(const SlotWeights& weights)
    : background_(weights.slots), high_(weights.slots, false) {
  const uint32_t slots = weights.slots;
  const uint32_t both = weights.low + weights.normal;
  // Low and Normal share even steps of at least four slots; Low takes its share of them evenly.
  for (uint32_t i = 0; i < both; ++i) {
    const bool is_low = (i + 1) * weights.low / both != i * weights.low / both;
    background_[i * slots / both] = is_low ? Priority::kLow : Priority::kNormal;
  }
  for (uint32_t i = 0; i < weights.high; ++i) {
    high_[(i * slots / weights.high + 2) % slots] = true;
  }
  guaranteed_[Priority::kLow] = weights.low;
  guaranteed_[Priority::kNormal] = weights.normal;
  guaranteed_[Priority::kHigh] = weights.high;
  guaranteed_[Priority::kCritical] = slots - both - weights.high;
}

uint64_t SlotLayout::Bound(Priority priority, uint64_t ahead, uint64_t seats) const {
  const uint64_t guaranteed = guaranteed_[priority];
  return (uint64_t{slots()} * ahead + guaranteed - 1) / guaranteed + uint64_t{slots()} * seats;
}

std::optional<Priority> SlotTable::Due(bool background_capped) const {
  if (!background_capped) {
    const std::optional<Priority> due = layout_->background(background_);
    if (due.has_value()) return due;
  }
  if (high_owed_ || layout_->high(high_)) return Priority::kHigh;
  return std::nullopt;
}

void SlotTable::Dispatched(bool background_capped) {
  const bool background_due = !background_capped && layout_->background(background_).has_value();
  // High had its turn unless the background's slot came before it.
  high_owed_ = background_due && (high_owed_ || layout_->high(high_));
  high_ = (high_ + 1) % layout_->slots();
  if (!background_capped) background_ = (background_ + 1) % layout_->slots();
}

}  // namespace taskforge

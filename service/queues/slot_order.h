// Which priority is served next, so that what is urgent goes first and nothing starves: a table of
// slots for those who claim tasks for remote workers. It is fixed, with the shares that the pool's
// seats have by default: pool.slots and pool.guaranteed_* do not change it.
#ifndef TASKFORGE_QUEUES_SLOT_ORDER_H_
#define TASKFORGE_QUEUES_SLOT_ORDER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "task/priority.h"

namespace taskforge {

// A cycle of 32 slots: 22 are for the highest priority that has work; 6 are for High, 3 for Normal
// and 1 for Low if they have work, else for the highest. Not thread-safe; guarded by its lane.
class SlotOrder {
 public:
  static constexpr size_t kSlots = 32;

  // The priority that the current slot is due to; none: the highest that has work.
  std::optional<Priority> due() const { return kTable[slot_]; }
  // After a task was taken.
  void Advance() { slot_ = (slot_ + 1) % kSlots; }

 private:
  // Spread evenly, so that no priority waits for much longer than its share.
  static constexpr std::array<std::optional<Priority>, kSlots> kTable = [] {
    std::array<std::optional<Priority>, kSlots> table{};
    for (size_t slot : {2, 7, 12, 18, 23, 28}) table[slot] = Priority::kHigh;
    for (size_t slot : {5, 15, 26}) table[slot] = Priority::kNormal;
    table[21] = Priority::kLow;
    return table;
  }();

  uint32_t slot_ = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_QUEUES_SLOT_ORDER_H_

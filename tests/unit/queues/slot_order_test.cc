#include "queues/slot_order.h"

#include "gtest/gtest.h"

namespace taskforge {
namespace {

TEST(SlotOrderTest, ACycleHasItsShares) {
  SlotOrder order;
  PerPriority<int> due;
  int strict = 0;
  for (size_t i = 0; i < SlotOrder::kSlots; ++i) {
    if (order.due().has_value()) {
      ++due[*order.due()];
    } else {
      ++strict;
    }
    order.Advance();
  }
  EXPECT_EQ(due[Priority::kLow], 1);
  EXPECT_EQ(due[Priority::kNormal], 3);
  EXPECT_EQ(due[Priority::kHigh], 6);
  EXPECT_EQ(due[Priority::kCritical], 0);
  EXPECT_EQ(strict, 22);
}

}  // namespace
}  // namespace taskforge

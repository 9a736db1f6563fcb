#include "sync/lock_free_stack.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace taskforge {
namespace {

TEST(LockFreeStack, GivesTheNewestFirst) {
  LockFreeStack<std::string> stack;
  EXPECT_TRUE(stack.empty());
  EXPECT_EQ(stack.TryPop(), std::nullopt);
  for (int i = 0; i < 100; ++i) stack.Push(std::to_string(i));
  EXPECT_FALSE(stack.empty());
  for (int i = 99; i >= 0; --i) EXPECT_EQ(stack.TryPop(), std::to_string(i));
  EXPECT_EQ(stack.TryPop(), std::nullopt);
  EXPECT_TRUE(stack.empty());
}

TEST(LockFreeStack, HoldsWhatCanOnlyMoveAndNotBeMadeFromNothing) {
  struct Item {
    explicit Item(int v) : value(std::make_unique<int>(v)) {}
    std::unique_ptr<int> value;
  };
  LockFreeStack<Item> stack;
  stack.Push(Item(5));
  std::optional<Item> item = stack.TryPop();
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(*item->value, 5);
}

TEST(LockFreeStack, DestroysEachItemOnce) {
  auto shared = std::make_shared<int>(0);
  {
    LockFreeStack<std::shared_ptr<int>> stack;
    for (int i = 0; i < 10; ++i) stack.Push(shared);
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(stack.TryPop().has_value());
    // A popped item is not kept alive by the stack, though its node may wait in the garbage.
    EXPECT_EQ(shared.use_count(), 7);
  }
  EXPECT_EQ(shared.use_count(), 1);
}

}  // namespace
}  // namespace taskforge

#include "sync/lock_free_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace taskforge {
namespace {

TEST(LockFreeQueue, GivesItemsInOrder) {
  LockFreeQueue<std::string> queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.TryPop(), std::nullopt);
  for (int i = 0; i < 100; ++i) queue.Push(std::to_string(i));
  EXPECT_FALSE(queue.empty());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(queue.TryPop(), std::to_string(i));
  EXPECT_EQ(queue.TryPop(), std::nullopt);
  EXPECT_TRUE(queue.empty());
}

TEST(LockFreeQueue, HoldsWhatCanOnlyMoveAndNotBeMadeFromNothing) {
  struct Item {
    explicit Item(int v) : value(std::make_unique<int>(v)) {}
    std::unique_ptr<int> value;
  };
  LockFreeQueue<Item> queue;
  queue.Push(Item(5));
  std::optional<Item> item = queue.TryPop();
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(*item->value, 5);
}

TEST(LockFreeQueue, DestroysEachItemOnce) {
  auto shared = std::make_shared<int>(0);
  {
    LockFreeQueue<std::shared_ptr<int>> queue;
    for (int i = 0; i < 10; ++i) queue.Push(shared);
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(queue.TryPop().has_value());
    // A popped item is not kept alive by the queue, though its node may wait in the garbage.
    EXPECT_EQ(shared.use_count(), 7);
  }
  EXPECT_EQ(shared.use_count(), 1);
}

}  // namespace
}  // namespace taskforge

#include "pool/closure.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace taskforge {
namespace {

bool RunWork(Work& work) { return work.run(work, Dispatch()); }

TEST(Closure, CallsWhatItHoldsOnceAndIsGone) {
  auto alive = std::make_shared<int>(0);
  Work* const work = MakeClosure(Priority::kHigh, [alive] { ++*alive; });
  EXPECT_EQ(work->priority, Priority::kHigh);
  EXPECT_EQ(alive.use_count(), 2);
  EXPECT_TRUE(RunWork(*work));
  EXPECT_EQ(*alive, 1);
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(Closure, MayBeMoveOnlyAndOfAnySize) {
  auto owned = std::make_unique<int>(7);
  int seen = 0;
  RunWork(*MakeClosure(Priority::kLow, [owned = std::move(owned), &seen] { seen = *owned; }));
  EXPECT_EQ(seen, 7);
  std::array<int, 25> large{};  // Takes a block of 128 bytes.
  large[24] = 8;
  RunWork(*MakeClosure(Priority::kLow, [large, &seen] { seen = large[24]; }));
  EXPECT_EQ(seen, 8);
  std::array<int, 100> huge{};
  huge[99] = 9;
  RunWork(*MakeClosure(Priority::kLow, [huge, &seen] { seen = huge[99]; }));
  EXPECT_EQ(seen, 9);
}

TEST(Closure, IsGoneTooWhenItThrows) {
  auto alive = std::make_shared<int>(0);
  Work* const work =
      MakeClosure(Priority::kNormal, [alive] { throw std::runtime_error("as it may"); });
  EXPECT_THROW(RunWork(*work), std::runtime_error);
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(Closure, CanBeDestroyedWithoutARun) {
  auto alive = std::make_shared<int>(0);
  auto* const closure = MakeClosure(Priority::kNormal, [alive] { ++*alive; });
  closure->Destroy();
  EXPECT_EQ(*alive, 0);
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(NodeBlocks, NeverGivesOutABlockTwice) {
  std::set<void*> out;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(out.insert(NodeBlocks<64>::Take()).second);
  for (void* block : out) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 64, 0u);
    NodeBlocks<64>::Give(block);
  }
  // The same again, in another order: they are used again.
  std::set<void*> again;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(again.insert(NodeBlocks<64>::Take()).second);
  size_t used_again = 0;
  for (void* block : again) used_again += out.count(block);
  EXPECT_GE(used_again, 1000u - 2 * 63);
  for (void* block : again) NodeBlocks<64>::Give(block);
}

// What one thread gives back comes round to the one that takes.
TEST(NodeBlocks, TravelFromThreadToThread) {
  std::set<void*> first;
  for (int i = 0; i < 640; ++i) first.insert(NodeBlocks<128>::Take());
  std::thread([&] {
    for (void* block : first) NodeBlocks<128>::Give(block);
  }).join();
  size_t came_back = 0;
  std::vector<void*> second;
  for (int i = 0; i < 640; ++i) {
    second.push_back(NodeBlocks<128>::Take());
    came_back += first.count(second.back());
  }
  EXPECT_GE(came_back, 640u - 3 * 63);
  for (void* block : second) NodeBlocks<128>::Give(block);
}

}  // namespace
}  // namespace taskforge

#include "store/commit_queue.h"

#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

using Kind = StoreOp::Kind;

StoreOp Op(Kind kind, std::string name, size_t bytes = 0) {
  StoreOp op;
  op.kind = kind;
  op.task_name = std::move(name);
  op.value = std::string(bytes, 'x');
  return op;
}

void Push(CommitQueue& queue, std::vector<StoreOp> ops) {
  ASSERT_TRUE(queue.Push(absl::MakeSpan(ops)));
}

std::vector<std::string> Take(CommitQueue& queue) {
  std::vector<std::string> names;
  for (const StoreOp& op : queue.Take(MonoTime::Max())) names.push_back(op.task_name);
  return names;
}

TEST(CommitQueueTest, ResultsComeFirst) {
  CommitQueue queue({});
  std::vector<StoreOp> ops;
  ops.push_back(Op(Kind::kAppend, "a"));
  ops.push_back(Op(Kind::kComplete, "b"));
  ops.push_back(Op(Kind::kAppend, "c"));
  ops.push_back(Op(Kind::kNote, "d"));
  Push(queue, std::move(ops));
  EXPECT_THAT(Take(queue), ::testing::ElementsAre("b", "d", "a", "c"));
}

TEST(CommitQueueTest, AppendsHaveHalfOfABatch) {
  CommitQueue queue({.ops = 4, .bytes = 1 << 20});
  std::vector<StoreOp> ops;
  for (const char* name : {"r1", "r2", "r3", "r4", "r5"}) ops.push_back(Op(Kind::kComplete, name));
  for (const char* name : {"a1", "a2", "a3"}) ops.push_back(Op(Kind::kAppend, name));
  Push(queue, std::move(ops));
  EXPECT_THAT(Take(queue), ::testing::ElementsAre("r1", "r2", "a1", "a2"));
  EXPECT_THAT(Take(queue), ::testing::ElementsAre("r3", "r4", "a3", "r5"));
  EXPECT_EQ(queue.size(), 0u);
}

TEST(CommitQueueTest, ABatchHasALimitOfBytes) {
  CommitQueue queue({.ops = 100, .bytes = 1000});
  std::vector<StoreOp> ops;
  for (const char* name : {"a", "b", "c"}) ops.push_back(Op(Kind::kAppend, name, 400));
  Push(queue, std::move(ops));
  EXPECT_THAT(Take(queue), ::testing::ElementsAre("a", "b"));
  EXPECT_THAT(Take(queue), ::testing::ElementsAre("c"));
}

TEST(CommitQueueTest, WhatIsGreaterThanABatchComesAlone) {
  CommitQueue queue({.ops = 100, .bytes = 1000});
  std::vector<StoreOp> ops;
  ops.push_back(Op(Kind::kAppend, "large", 5000));
  ops.push_back(Op(Kind::kAppend, "small"));
  Push(queue, std::move(ops));
  EXPECT_THAT(Take(queue), ::testing::ElementsAre("large"));
  EXPECT_THAT(Take(queue), ::testing::ElementsAre("small"));
}

TEST(CommitQueueTest, GivesWhatIsLeftAfterAStopAndTakesNoMore) {
  CommitQueue queue({});
  std::vector<StoreOp> ops;
  ops.push_back(Op(Kind::kAppend, "a"));
  Push(queue, std::move(ops));
  queue.Stop();
  EXPECT_FALSE(queue.is_drained());
  StoreOp late = Op(Kind::kAppend, "late");
  EXPECT_FALSE(queue.Push({&late, 1}));
  EXPECT_EQ(late.task_name, "late");
  EXPECT_THAT(Take(queue), ::testing::ElementsAre("a"));
  EXPECT_TRUE(queue.is_drained());
  EXPECT_THAT(Take(queue), ::testing::IsEmpty());
}

TEST(CommitQueueTest, AWaitEndsAtItsDeadline) {
  CommitQueue queue({});
  EXPECT_TRUE(queue.Take(SystemClock().Monotonic() + absl::Milliseconds(5)).empty());
}

TEST(CommitQueueTest, NothingIsLostOrReorderedBetweenThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 5'000;
  CommitQueue queue({.ops = 64, .bytes = 1 << 20});
  std::vector<std::thread> producers;
  for (int t = 0; t < kThreads; ++t) {
    producers.emplace_back([&queue, t] {
      for (int i = 0; i < kEach; ++i) {
        StoreOp op = Op(Kind::kAppend, std::to_string(t));
        op.uid = {static_cast<uint64_t>(t), static_cast<uint64_t>(i)};
        EXPECT_TRUE(queue.Push({&op, 1}));
      }
    });
  }
  std::vector<uint64_t> next(kThreads, 0);
  for (int taken = 0; taken < kThreads * kEach;) {
    for (const StoreOp& op : queue.Take(MonoTime::Max())) {
      ASSERT_EQ(op.uid.low, next[op.uid.high]++);
      ++taken;
    }
  }
  for (std::thread& producer : producers) producer.join();
  EXPECT_EQ(queue.size(), 0u);
}

}  // namespace
}  // namespace taskforge

// The checkers of histories find what they should, and nothing else.
#include "stress/linearizability.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/random.h"
#include "stress/history.h"
#include "stress/sequential.h"

namespace taskforge {
namespace {

using Queue = SequentialContainer<Order::kFifo>;
using Stack = SequentialContainer<Order::kLifo>;
using Ring = SequentialRing<1>;

Operation Push(uint64_t item, uint64_t begin, uint64_t end) { return {true, item, begin, end}; }
Operation Pop(std::optional<uint64_t> item, uint64_t begin, uint64_t end) {
  return {.is_push = false, .item = item, .begin = begin, .end = end};
}

TEST(CheckHistory, AcceptsWhatOverlaps) {
  EXPECT_EQ(CheckHistory(Order::kFifo, {Push(1, 0, 3), Push(2, 1, 2), Pop(2, 4, 5), Pop(1, 6, 7)}),
            "");
  EXPECT_EQ(CheckHistory(Order::kFifo, {Push(1, 0, 2), Pop(std::nullopt, 1, 3)}), "");
  EXPECT_EQ(CheckHistory(Order::kLifo, {Push(1, 0, 1), Push(2, 2, 3), Pop(2, 4, 5)}), "");
}
TEST(CheckHistory, FindsWhatNoOrderExplains) {
  EXPECT_NE(CheckHistory(Order::kFifo, {Push(1, 0, 1), Push(2, 2, 3), Pop(2, 4, 5)}), "");
  EXPECT_NE(CheckHistory(Order::kLifo, {Push(1, 0, 1), Push(2, 2, 3), Pop(1, 4, 5)}), "");
  EXPECT_NE(CheckHistory(Order::kFifo, {Push(1, 0, 1), Pop(1, 2, 3), Pop(1, 4, 5)}), "");
  EXPECT_NE(CheckHistory(Order::kFifo, {Push(1, 2, 3), Pop(1, 0, 1)}), "");
  EXPECT_NE(CheckHistory(Order::kFifo, {Push(1, 0, 1), Pop(std::nullopt, 2, 3)}), "");
  EXPECT_NE(CheckHistory(Order::kFifo, {Pop(5, 0, 1)}), "");
}

TEST(Linearizability, AcceptsWhatOverlaps) {
  EXPECT_EQ(CheckLinearizable<Queue>({}), "");
  EXPECT_EQ(CheckLinearizable<Queue>({Push(1, 0, 3), Push(2, 1, 2), Pop(2, 4, 5), Pop(1, 6, 7)}),
            "");
  EXPECT_EQ(CheckLinearizable<Queue>({Push(1, 0, 2), Pop(std::nullopt, 1, 3)}), "");
  EXPECT_EQ(CheckLinearizable<Stack>({Push(1, 0, 1), Push(2, 2, 3), Pop(2, 4, 5)}), "");
  // It may return before another begins, and take effect after a third that began later.
  EXPECT_EQ(CheckLinearizable<Queue>({Push(1, 0, 5), Push(2, 1, 2), Pop(2, 3, 4), Pop(1, 6, 7)}),
            "");
}

TEST(Linearizability, FindsWhatNoOrderExplains) {
  EXPECT_NE(CheckLinearizable<Queue>({Push(1, 0, 1), Push(2, 2, 3), Pop(2, 4, 5)}), "");
  EXPECT_NE(CheckLinearizable<Stack>({Push(1, 0, 1), Push(2, 2, 3), Pop(1, 4, 5)}), "");
  EXPECT_NE(CheckLinearizable<Queue>({Push(1, 0, 1), Pop(1, 2, 3), Pop(1, 4, 5)}), "");
  EXPECT_NE(CheckLinearizable<Queue>({Push(1, 2, 3), Pop(1, 0, 1)}), "");
  EXPECT_NE(CheckLinearizable<Queue>({Push(1, 0, 1), Pop(std::nullopt, 2, 3)}), "");
  EXPECT_NE(CheckLinearizable<Queue>({Pop(5, 0, 1)}), "");
}

// No pair of the items is in a wrong order, which is all that CheckHistory() looks at.
TEST(Linearizability, FindsInAStackWhatPairsDoNotShow) {
  const std::vector<Operation> history = {Push(1, 0, 1), Push(2, 2, 7), Pop(2, 8, 9),
                                          Push(3, 3, 4), Pop(1, 5, 6),  Pop(3, 10, 11)};
  EXPECT_NE(CheckLinearizable<Stack>(history), "");
}

TEST(Linearizability, ACallThatNeverReturnedMayHaveTakenEffect) {
  EXPECT_EQ(CheckLinearizable<Queue>({Push(1, 0, kNeverReturned), Pop(1, 1, 2)}), "");
  EXPECT_EQ(CheckLinearizable<Queue>({Push(1, 0, kNeverReturned), Pop(std::nullopt, 1, 2)}), "");
  EXPECT_NE(CheckLinearizable<Queue>({Push(1, 3, kNeverReturned), Pop(1, 1, 2)}), "");
}

TEST(Linearizability, ARingRefusesOnlyWhenItIsFull) {
  const auto refused = [](uint64_t begin, uint64_t end) {
    return Operation{.is_push = true, .item = std::nullopt, .begin = begin, .end = end};
  };
  EXPECT_EQ(CheckLinearizable<Ring>({Push(1, 0, 1), refused(2, 3), Pop(1, 4, 5)}), "");
  EXPECT_NE(CheckLinearizable<Ring>({Push(1, 0, 1), Pop(1, 2, 3), refused(4, 5)}), "");
  EXPECT_NE(CheckLinearizable<Ring>({Push(1, 0, 1), Push(2, 2, 3)}), "");
}

TEST(Linearizability, KeysAreObjectsOfTheirOwn) {
  using What = MapCall::What;
  const auto key_of = [](const MapCall& call) { return call.key; };
  std::vector<MapCall> history = {{What::kPut, 1, 7, 0, 1},
                                  {What::kGet, 2, std::nullopt, 2, 3},
                                  {What::kGet, 1, 7, 4, 5},
                                  {What::kErase, 1, 0, 6, 7},
                                  {What::kGet, 1, std::nullopt, 8, 9}};
  EXPECT_EQ((CheckLinearizableByKey<SequentialKey>(history, key_of)), "");
  history[1].value = 7;
  EXPECT_NE((CheckLinearizableByKey<SequentialKey>(history, key_of)), "");
}

TEST(Linearizability, AResultIsSetOnce) {
  EXPECT_EQ(
      CheckLinearizable<SequentialResult>({Push(7, 1, 3), Pop(std::nullopt, 0, 2), Pop(7, 4, 5)}),
      "");
  EXPECT_NE(CheckLinearizable<SequentialResult>({Push(7, 0, 1), Pop(std::nullopt, 2, 3)}), "");
  EXPECT_NE(CheckLinearizable<SequentialResult>({Push(7, 0, 1), Push(8, 2, 3)}), "");
  EXPECT_NE(
      CheckLinearizable<SequentialResult>({Push(7, 0, 5), Pop(7, 1, 2), Pop(std::nullopt, 3, 4)}),
      "");
}

// By its definition: tries every order.
template <typename Spec>
bool SomeOrderExplains(std::vector<Operation> history) {
  std::vector<size_t> order(history.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  do {
    typename Spec::State state = Spec::Initial();
    bool explains = true;
    for (size_t i = 0; explains && i < order.size(); ++i) {
      const Operation& op = history[order[i]];
      for (size_t j = i + 1; j < order.size(); ++j) {
        explains = explains && history[order[j]].end > op.begin;
      }
      explains = explains && Spec::Apply(state, op);
    }
    if (explains) return true;
  } while (std::next_permutation(order.begin(), order.end()));
  return false;
}

// Six calls with random times; pushes of distinct items and pops of any.
std::vector<Operation> RandomHistory(Random& random) {
  std::vector<uint64_t> times(12);
  for (size_t i = 0; i < times.size(); ++i) times[i] = i;
  for (size_t i = times.size(); i > 1; --i) std::swap(times[i - 1], times[random.Next64() % i]);
  std::vector<Operation> history;
  for (uint64_t i = 0; i < 6; ++i) {
    const auto [begin, end] = std::minmax(times[2 * i], times[2 * i + 1]);
    const bool is_push = i < 3;
    const uint64_t item = is_push ? i : random.Next64() % 4;
    history.push_back({is_push, item < 3 ? std::optional(item) : std::nullopt, begin, end});
  }
  return history;
}

// Of histories at random, whether they are linearizable is what the definition says; and what
// history.h finds, the definition does.
TEST(Linearizability, AgreesWithTheDefinition) {
  const uint64_t seed = EntropySeed() % 1'000'000;
  SeededRandom random(seed);
  int good = 0;
  int bad = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::vector<Operation> history = RandomHistory(random);
    const bool is_queue = CheckLinearizable<Queue>(history).empty();
    const bool is_stack = CheckLinearizable<Stack>(history).empty();
    ASSERT_EQ(is_queue, CheckLinearizable<Queue>(WithDepartures(history)).empty())
        << "seed " << seed << ", history " << i;
    ASSERT_EQ(is_stack, CheckLinearizable<Stack>(WithDepartures(history)).empty())
        << "seed " << seed << ", history " << i;
    ASSERT_EQ(is_queue, SomeOrderExplains<Queue>(history)) << "seed " << seed << ", history " << i;
    ASSERT_EQ(is_stack, SomeOrderExplains<Stack>(history)) << "seed " << seed << ", history " << i;
    if (is_queue) {
      ASSERT_EQ(CheckHistory(Order::kFifo, history), "") << "seed " << seed << ", history " << i;
    }
    if (is_stack) {
      ASSERT_EQ(CheckHistory(Order::kLifo, history), "") << "seed " << seed << ", history " << i;
    }
    (is_queue ? good : bad) += 1;
  }
  EXPECT_GT(good, 100) << "seed " << seed;
  EXPECT_GT(bad, 100) << "seed " << seed;
}

}  // namespace
}  // namespace taskforge

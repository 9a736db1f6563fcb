#include "pool/slot_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include "base/random.h"

namespace taskforge {
namespace {

std::array<int, kPriorityCount> CountDue(SlotTable& table, int dispatches, bool capped) {
  std::array<int, kPriorityCount> counts{};
  for (int i = 0; i < dispatches; ++i) {
    if (const auto due = table.Due(capped)) ++counts[Index(*due)];
    table.Dispatched(capped);
  }
  return counts;
}

TEST(SlotTableTest, GivesEachPriorityItsSlotsInEveryRound) {
  const SlotLayout layout(SlotWeights{});
  for (uint32_t rotation = 0; rotation < layout.slots(); ++rotation) {
    SlotTable table(layout, rotation);
    table.Due(false);
    const auto counts = CountDue(table, 32, false);
    EXPECT_EQ(counts[0], 1) << rotation;
    EXPECT_EQ(counts[1], 3) << rotation;
    EXPECT_EQ(counts[2], 6) << rotation;
    EXPECT_EQ(counts[3], 0) << rotation;
  }
}

TEST(SlotTableTest, SlotsOfATableAreNeverAdjacent) {
  for (uint32_t slots : {8u, 9u, 31u, 32u, 100u, 1024u}) {
    for (uint32_t high = 2; high <= slots / 4; ++high) {
      for (uint32_t low = 1; low < slots / 4; ++low) {
        const SlotLayout layout({slots, low, slots / 4 - low, high});
        uint32_t background = 0;
        uint32_t highs = 0;
        for (uint32_t i = 0; i < slots; ++i) {
          const uint32_t next = (i + 1) % slots;
          background += layout.background(i).has_value() ? 1 : 0;
          highs += layout.high(i) ? 1 : 0;
          ASSERT_FALSE(layout.background(i).has_value() && layout.background(next).has_value());
          ASSERT_FALSE(layout.high(i) && layout.high(next));
        }
        ASSERT_EQ(background, slots / 4);
        ASSERT_EQ(highs, high);
      }
      if (slots > 100) break;
    }
  }
}

TEST(SlotTableTest, KeepsTheSlotOfACappedPriorityAndPaysItFirst) {
  const SlotLayout layout(SlotWeights{});
  SlotTable table(layout, 0);  // Position 0 is Normal's.
  ASSERT_EQ(table.Due(false), Priority::kNormal);
  for (int i = 0; i < 100; ++i) {
    EXPECT_NE(table.Due(true), Priority::kNormal);
    table.Dispatched(true);
  }
  EXPECT_EQ(table.Due(false), Priority::kNormal);
  table.Dispatched(false);
  EXPECT_NE(table.Due(false), Priority::kNormal) << "one debt at most";
}

TEST(SlotTableTest, ServesHighNextWhenTheBackgroundCameBeforeIt) {
  const SlotLayout layout(SlotWeights{});
  SlotTable table(layout, 0);
  bool collided = false;
  for (int i = 0; i < 200; ++i) {
    // A capped dispatch now and then moves the tables against each other.
    const bool capped = i % 7 == 3;
    const auto due = table.Due(capped);
    const auto high_if_capped = table.Due(true);
    table.Dispatched(capped);
    if (due.has_value() && *due != Priority::kHigh && high_if_capped == Priority::kHigh) {
      collided = true;
      ASSERT_EQ(table.Due(false), Priority::kHigh);
    }
  }
  EXPECT_TRUE(collided) << "the test has not tested anything";
}

TEST(SlotTableTest, BoundIsTheFormula) {
  const SlotLayout layout(SlotWeights{});
  EXPECT_EQ(layout.Bound(Priority::kLow, 0, 1), 32u);
  EXPECT_EQ(layout.Bound(Priority::kLow, 10, 2), 384u);
  EXPECT_EQ(layout.Bound(Priority::kNormal, 3, 2), 96u);
  EXPECT_EQ(layout.Bound(Priority::kNormal, 1, 1), 43u);
  EXPECT_EQ(layout.Bound(Priority::kHigh, 6, 1), 64u);
}

// Seats take from counted queues as workers do; caps, threads on the seats and how much comes of
// each priority change at random; every served task checks its bound.
class SimulatedDispatch {
 public:
  SimulatedDispatch(const SlotWeights& weights, int seats, uint64_t seed)
      : layout_(weights), random_(seed) {
    for (int i = 0; i < seats; ++i) tables_.emplace_back(layout_, i * 5);
  }

  // Returns the greatest share of its bound that any task used. Of each priority but the most
  // urgent something comes between two dispatches with this probability, on the average.
  double Run(int dispatches, double arrival_rate) {
    bool capped = false;
    size_t occupied = tables_.size();
    std::array<double, kPriorityCount> rates;
    rates.fill(arrival_rate);
    for (int i = 0; i < dispatches; ++i) {
      Arrive(rates);
      if (random_.NextDouble() < 0.05) capped = random_.NextDouble() < 0.3;
      if (random_.NextDouble() < 0.01) occupied = 1 + random_.Next64() % tables_.size();
      if (random_.NextDouble() < 0.002) {
        for (double& rate : rates) rate = arrival_rate * 2 * random_.NextDouble();
      }
      Serve(tables_[random_.Next64() % occupied], capped);
    }
    return worst_;
  }
  uint64_t served_low() const { return served_[0]; }

 private:
  struct Waiting {
    uint64_t counted = 0;  // Dispatches that count for its priority, at its arrival.
    uint64_t ahead = 0;
  };

  static constexpr size_t kFull = 20'000;

  void Arrive(const std::array<double, kPriorityCount>& rates) {
    // Critical is always saturated.
    while (queues_[3].size() < 10) Push(3);
    for (size_t k = 0; k < 3; ++k) {
      if (random_.NextDouble() < rates[k] && queues_[k].size() < kFull) Push(k);
    }
  }
  void Push(size_t k) { queues_[k].push_back({Counted(k), queues_[k].size()}); }
  uint64_t Counted(size_t k) const { return k <= 1 ? all_ - capped_ : all_; }

  void Serve(SlotTable& table, bool capped) {
    const auto due = table.Due(capped);
    int k = -1;
    if (due.has_value() && !queues_[Index(*due)].empty()) k = static_cast<int>(Index(*due));
    for (int i = 3; i >= 0 && k < 0; --i) {
      if (i <= 1 && capped) break;
      if (!queues_[i].empty()) k = i;
    }
    ++all_;
    if (capped) ++capped_;
    table.Dispatched(capped);
    const Waiting task = queues_[k].front();
    queues_[k].pop_front();
    ++served_[k];
    const uint64_t bound = layout_.Bound(kPriorities[k], task.ahead, tables_.size());
    // Its own dispatch is the one after those that it waited for.
    const uint64_t waited = Counted(k) - task.counted - (k <= 1 && capped ? 0 : 1);
    worst_ = std::max(worst_, static_cast<double>(waited) / static_cast<double>(bound));
  }

  const SlotLayout layout_;
  SeededRandom random_;
  std::vector<SlotTable> tables_;
  std::array<std::deque<Waiting>, kPriorityCount> queues_;
  std::array<uint64_t, kPriorityCount> served_{};
  uint64_t all_ = 0;
  uint64_t capped_ = 0;
  double worst_ = 0;
};

TEST(SlotTableTest, NoTaskWaitsBeyondTheBound) {
  const uint64_t seed = EntropySeed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  for (int seats : {1, 2, 8}) {
    // Fewer arrivals than guaranteed slots, about as many, and far too many.
    for (double rate : {0.01, 0.03, 0.5}) {
      SimulatedDispatch simulation(SlotWeights{}, seats, seed);
      EXPECT_LE(simulation.Run(40'000, rate), 1.0) << seats << " seats, rate " << rate;
      EXPECT_GT(simulation.served_low(), 200u);
    }
  }
}

// Ten million dispatches, in runs of many shapes.
TEST(SlotTableTest, NoTaskWaitsBeyondTheBoundInRandomMixes) {
  constexpr int kRuns = 250;
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || defined(__clang__)
  constexpr int kDispatches = 4'000;  // Under the sanitizers, which have nothing to find here.
#else
  constexpr int kDispatches = 40'000;
#endif
  SeededRandom random(EntropySeed());
  double closest = 0;
  for (int run = 0; run < kRuns; ++run) {
    const uint64_t seed = random.Next64();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SeededRandom shape(seed);
    SlotWeights weights;
    weights.slots = 8 + static_cast<uint32_t>(shape.Next64() % 93);
    weights.high = 2 + static_cast<uint32_t>(shape.Next64() % (weights.slots / 4 - 1));
    weights.low = 1 + static_cast<uint32_t>(shape.Next64() % (weights.slots / 8));
    weights.normal = 1 + static_cast<uint32_t>(shape.Next64() % (weights.slots / 8));
    SimulatedDispatch simulation(weights, 1 + static_cast<int>(shape.Next64() % 16), seed);
    const double worst = simulation.Run(kDispatches, 0.6 * shape.NextDouble() * shape.NextDouble());
    ASSERT_LE(worst, 1.0) << weights.slots << " slots, guaranteed " << weights.low << ", "
                          << weights.normal << ", " << weights.high;
    closest = std::max(closest, worst);
  }
  EXPECT_GT(closest, 0.5) << "the test has not tested anything";
}

TEST(SlotTableTest, NoTaskWaitsBeyondTheBoundOfOtherWeights) {
  for (const SlotWeights& weights :
       {SlotWeights{8, 1, 1, 2}, SlotWeights{33, 2, 5, 7}, SlotWeights{100, 7, 13, 25}}) {
    SimulatedDispatch simulation(weights, 3, 42);
    EXPECT_LE(simulation.Run(20'000, 0.05), 1.0) << weights.slots;
  }
}

}  // namespace
}  // namespace taskforge

#include "base/random.h"

#include <gtest/gtest.h>

#include <set>

namespace taskforge {
namespace {

TEST(SeededRandom, RepeatsItsSequence) {
  SeededRandom a(1);
  SeededRandom b(1);
  SeededRandom other(2);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t value = a.Next64();
    EXPECT_EQ(value, b.Next64());
    differs = differs || value != other.Next64();
  }
  EXPECT_TRUE(differs);
}

// The first outputs of the published SplitMix64 for the seed 1234567.
TEST(SeededRandom, IsSplitMix64) {
  SeededRandom random(1234567);
  EXPECT_EQ(random.Next64(), 6457827717110365317ULL);
  EXPECT_EQ(random.Next64(), 3203168211198807973ULL);
}

TEST(SeededRandom, DoublesLieInTheUnitInterval) {
  SeededRandom random(7);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double value = random.NextDouble();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

TEST(EntropySeed, Differs) {
  std::set<uint64_t> seeds;
  for (int i = 0; i < 10; ++i) seeds.insert(EntropySeed());
  EXPECT_EQ(seeds.size(), 10u);
}

}  // namespace
}  // namespace taskforge

#include "gtest/gtest.h"
#include "simulation/world.h"

namespace taskforge {
namespace {

WorldResult Simulate(uint64_t seed, bool disk_lies = false) {
  WorldOptions options;
  options.seed = seed;
  options.disk_lies = disk_lies;
  return World(options).Run();
}

TEST(SimulationTest, NothingIsViolated) {
  constexpr uint64_t kSeeds = 300;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const WorldResult result = Simulate(seed);
    for (const std::string& violation : result.violations) {
      ADD_FAILURE() << violation << "; replay: simulate --seed " << seed << " --trace";
    }
  }
}

TEST(SimulationTest, TheSameSeedIsTheSameWorld) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const WorldResult first = Simulate(seed);
    EXPECT_EQ(first.hash, Simulate(seed).hash) << seed;
    EXPECT_NE(first.hash, Simulate(seed + 1).hash) << seed;
  }
}

// A checker that never failed is untested.
TEST(SimulationTest, ADiskThatLiesIsFoundOut) {
  bool is_found = false;
  for (uint64_t seed = 1; seed <= 50 && !is_found; ++seed) {
    is_found = !Simulate(seed, /*disk_lies=*/true).violations.empty();
  }
  EXPECT_TRUE(is_found);
}

// It would find nothing where nothing happens.
TEST(SimulationTest, MuchHappens) {
  uint64_t accepted = 0;
  uint64_t ended = 0;
  uint64_t lives = 0;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const WorldResult result = Simulate(seed);
    accepted += result.accepted;
    ended += result.ended;
    lives += result.lives;
  }
  EXPECT_GT(accepted, 500u);
  EXPECT_GT(ended, 400u);
  EXPECT_GT(lives, 60u);
}

}  // namespace
}  // namespace taskforge

#include "base/small_mutex.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace taskforge {
namespace {

// Without mutual exclusion the sum is wrong, and TSan sees the race; a lost wake-up hangs.
TEST(SmallMutexTest, OneThreadAtATime) {
  static_assert(sizeof(SmallMutex) == 4);
  for (const int threads : {1, 2, 8}) {
    constexpr int kRounds = 20'000;
    SmallMutex mu;
    int sum = 0;
    std::vector<std::thread> adders;
    for (int t = 0; t < threads; ++t) {
      adders.emplace_back([&] {
        for (int i = 0; i < kRounds; ++i) {
          SmallMutexLock lock(mu);
          ++sum;
        }
      });
    }
    for (std::thread& adder : adders) adder.join();
    EXPECT_EQ(sum, threads * kRounds);
  }
}

}  // namespace
}  // namespace taskforge

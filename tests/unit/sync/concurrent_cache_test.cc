#include "sync/concurrent_cache.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "support/fake_clock.h"

namespace taskforge {
namespace {

CacheOptions OneShard(size_t capacity) {
  CacheOptions options;
  options.capacity = capacity;
  options.shards = 1;
  return options;
}

TEST(ConcurrentCache, FindsWhatWasPut) {
  SystemClock clock;
  ConcurrentCache<std::string, int> cache(CacheOptions{}, clock);
  EXPECT_EQ(cache.Get("a"), std::nullopt);
  cache.Put("a", 1);
  cache.Put("b", 2);
  cache.Put("a", 3);
  EXPECT_EQ(cache.Get("a"), 3);
  EXPECT_EQ(cache.Get("b"), 2);
  const CacheStats stats = cache.Stats();
  EXPECT_EQ(stats.hits, 2u);
  EXPECT_EQ(stats.misses, 1u);
  EXPECT_EQ(stats.size, 2u);
}

TEST(ConcurrentCache, ErasesOneAndKeepsTheRest) {
  SystemClock clock;
  ConcurrentCache<int, int> cache(OneShard(8), clock);
  for (int i = 0; i < 5; ++i) cache.Put(i, i * 10);
  EXPECT_TRUE(cache.Erase(1));
  EXPECT_FALSE(cache.Erase(1));
  EXPECT_TRUE(cache.Erase(4));
  EXPECT_EQ(cache.Get(1), std::nullopt);
  for (int i : {0, 2, 3}) EXPECT_EQ(cache.Get(i), i * 10);
  EXPECT_EQ(cache.Stats().size, 3u);
}

TEST(ConcurrentCache, NeverHoldsMoreThanItsCapacity) {
  SystemClock clock;
  CacheOptions options;
  options.capacity = 100;
  options.shards = 7;
  ConcurrentCache<int, int> cache(options, clock);
  for (int i = 0; i < 10'000; ++i) {
    cache.Put(i, i);
    ASSERT_LE(cache.Stats().size, 100u);
  }
  EXPECT_EQ(cache.Stats().size, 100u);
  EXPECT_EQ(cache.Stats().evictions, 9'900u);
}

TEST(ConcurrentCache, KeepsWhatIsAskedForAndForgetsTheRest) {
  SystemClock clock;
  ConcurrentCache<int, int> cache(OneShard(10), clock);
  for (int i = 0; i < 10; ++i) cache.Put(i, i);
  for (int i = 100; i < 200; ++i) {
    EXPECT_EQ(cache.Get(3), 3);
    cache.Put(i, i);
  }
  EXPECT_EQ(cache.Get(3), 3);
  EXPECT_EQ(cache.Get(4), std::nullopt);
}

TEST(ConcurrentCache, ForgetsAtItsTimeToLive) {
  FakeClock clock;
  CacheOptions options;
  options.ttl = absl::Seconds(10);
  ConcurrentCache<int, int> cache(options, clock);
  cache.Put(1, 1);
  clock.Advance(absl::Seconds(10) - absl::Nanoseconds(1));
  EXPECT_EQ(cache.Get(1), 1);
  clock.Advance(absl::Nanoseconds(1));
  EXPECT_EQ(cache.Get(1), std::nullopt);
  cache.Put(1, 2);
  EXPECT_EQ(cache.Get(1), 2);
}

TEST(ConcurrentCache, AFoundValueOutlivesItsEntry) {
  SystemClock clock;
  ConcurrentCache<int, std::string> cache(OneShard(1), clock);
  cache.Put(1, "one");
  const auto found = cache.Find(1);
  cache.Put(2, "two");
  EXPECT_EQ(cache.Find(1), nullptr);
  EXPECT_EQ(*found, "one");
}

// The source guide's cache: values of any type.
TEST(AnyCache, HoldsValuesOfAnyType) {
  SystemClock clock;
  AnyCache cache(CacheOptions{}, clock);
  cache.Put("n", 7);
  cache.Put("s", std::string("text"));
  EXPECT_EQ(cache.Get<int>("n"), 7);
  EXPECT_EQ(cache.Get<std::string>("s"), "text");
  EXPECT_EQ(cache.Get<std::string>("n"), std::nullopt);
  EXPECT_EQ(cache.Get<int>("absent"), std::nullopt);
  EXPECT_TRUE(cache.Erase("n"));
  EXPECT_EQ(cache.Get<int>("n"), std::nullopt);
}

class ConcurrentCacheThreads : public testing::TestWithParam<int> {};

TEST_P(ConcurrentCacheThreads, NeverGivesAnotherKeysValue) {
  SystemClock clock;
  CacheOptions options;
  options.capacity = 50;
  ConcurrentCache<int, std::string> cache(options, clock);
  std::vector<std::thread> threads;
  for (int t = 0; t < GetParam(); ++t) {
    threads.emplace_back([&cache, t] {
      for (int i = 0; i < 3000; ++i) {
        const int key = (i * 7 + t * 13) % 100;
        if (i % 3 == 0) cache.Put(key, std::to_string(key));
        if (i % 11 == 0) cache.Erase(key);
        const auto found = cache.Get(key);
        if (found) {
          ASSERT_EQ(*found, std::to_string(key));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const CacheStats stats = cache.Stats();
  EXPECT_LE(stats.size, 50u);
  EXPECT_EQ(stats.hits + stats.misses, 3000u * static_cast<unsigned>(GetParam()));
}
INSTANTIATE_TEST_SUITE_P(Threads, ConcurrentCacheThreads, testing::Values(1, 2, 8));

}  // namespace
}  // namespace taskforge

#include "bus/topic_table.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "support/fake_clock.h"

namespace taskforge {
namespace {

TEST(TopicTable, CountsByTopicAndKeepsTheLastTime) {
  EpochDomain epochs;
  TopicTable table(epochs);
  FakeClock clock;
  {
    const EpochDomain::Guard guard(epochs);
    table.Count("a", clock.Monotonic());
    clock.Advance(absl::Seconds(5));
    table.Count("a", clock.Monotonic());
    clock.Advance(absl::Seconds(60));
  }
  const std::vector<TopicInfo> infos = table.List(clock);
  ASSERT_EQ(infos.size(), 1u);
  EXPECT_EQ(infos[0].topic, "a");
  EXPECT_EQ(infos[0].published, 2u);
  EXPECT_EQ(infos[0].last_publish_time, clock.Now() - absl::Seconds(60));
}

TEST(TopicTable, StaysBoundedAndKeepsTheLatest) {
  EpochDomain epochs;
  TopicTable table(epochs);
  FakeClock clock;
  for (size_t i = 0; i < 5 * TopicTable::kCapacity; ++i) {
    const EpochDomain::Guard guard(epochs);
    table.Count("topic." + std::to_string(i), clock.Monotonic());
    clock.Advance(absl::Milliseconds(1));
  }
  const std::vector<TopicInfo> infos = table.List(clock);
  EXPECT_LE(infos.size(), TopicTable::kCapacity);
  EXPECT_GE(infos.size(), TopicTable::kCapacity * 3 / 4);
  bool has_last = false;
  const std::string last = "topic." + std::to_string(5 * TopicTable::kCapacity - 1);
  for (const TopicInfo& info : infos) has_last |= info.topic == last;
  EXPECT_TRUE(has_last);
}

class TopicTableThreads : public testing::TestWithParam<int> {};

TEST_P(TopicTableThreads, LosesNoCountOfFewTopics) {
  EpochDomain epochs;
  TopicTable table(epochs);
  std::vector<std::thread> threads;
  for (int t = 0; t < GetParam(); ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        const EpochDomain::Guard guard(epochs);
        table.Count("topic." + std::to_string(i % 10), MonoTime{1});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint64_t sum = 0;
  const FakeClock clock;
  for (const TopicInfo& info : table.List(clock)) sum += info.published;
  EXPECT_EQ(sum, 5000u * static_cast<uint64_t>(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Threads, TopicTableThreads, testing::Values(1, 2, 8));

}  // namespace
}  // namespace taskforge

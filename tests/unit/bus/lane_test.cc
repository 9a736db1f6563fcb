#include "bus/lane.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace taskforge {
namespace {

// The lane takes over the reference.
const Event* Make(std::string id) {
  EventFields fields;
  fields.id = std::move(id);
  return MakeEvent(std::move(fields)).Leak();
}

// What the reader gets, as text: `a`, `-2` for a gap.
std::vector<std::string> TakeAll(Lane& lane) {
  std::vector<std::string> got;
  for (;;) {
    std::array<Lane::Taken, 3> taken;
    uint64_t missed_at_end = 0;
    const size_t n = lane.Take(absl::MakeSpan(taken), missed_at_end);
    for (size_t i = 0; i < n; ++i) {
      if (taken[i].missed_before > 0) got.push_back("-" + std::to_string(taken[i].missed_before));
      got.push_back(taken[i].event->fields().id);
      taken[i].event->Release();
    }
    if (missed_at_end > 0) got.push_back("-" + std::to_string(missed_at_end));
    if (n < taken.size()) return got;
  }
}

using Got = std::vector<std::string>;

TEST(Lane, GivesFirstInFirstOut) {
  Lane lane(4);
  EXPECT_FALSE(lane.HasNews());
  EXPECT_TRUE(TakeAll(lane).empty());
  for (int lap = 0; lap < 5; ++lap) {
    for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(lane.TryPush(Make(id)));
    EXPECT_TRUE(lane.HasNews());
    EXPECT_EQ(TakeAll(lane), (Got{"a", "b", "c"}));
    EXPECT_FALSE(lane.HasNews());
  }
}

TEST(Lane, RefusesWhenFull) {
  Lane lane(2);
  ASSERT_TRUE(lane.TryPush(Make("a")));
  ASSERT_TRUE(lane.TryPush(Make("b")));
  const EventRef refused = EventRef::Adopt(Make("c"));
  EXPECT_FALSE(lane.TryPush(refused.get()));
  EXPECT_EQ(TakeAll(lane), (Got{"a", "b"}));
}

TEST(Lane, TellsWhereTheOldestWereDropped) {
  Lane lane(4);
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(lane.TryPush(Make(id)));
  Lane::Taken first;
  uint64_t missed_at_end = 0;
  ASSERT_EQ(lane.Take(absl::MakeSpan(&first, 1), missed_at_end), 1u);
  EventRef::Adopt(first.event);
  EventRef::Adopt(lane.TryDrop());
  EXPECT_EQ(TakeAll(lane), (Got{"-1", "c"}));
}

TEST(Lane, TakesNoMoreThanIsAskedForAndSaysWhenThereIsNoMore) {
  Lane lane(8);
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(lane.TryPush(Make(id)));
  lane.CountRefused();
  std::array<Lane::Taken, 3> taken;
  uint64_t missed_at_end = 7;
  ASSERT_EQ(lane.Take(absl::MakeSpan(taken.data(), 2), missed_at_end), 2u);
  EXPECT_EQ(missed_at_end, 0u);
  ASSERT_EQ(lane.Take(absl::MakeSpan(taken.data() + 2, 1), missed_at_end), 1u);
  EXPECT_EQ(missed_at_end, 0u);
  for (const Lane::Taken& each : taken) EventRef::Adopt(each.event);
  EXPECT_EQ(TakeAll(lane), (Got{"-1"}));
}

TEST(Lane, TellsADropThatNothingFollows) {
  Lane lane(4);
  ASSERT_TRUE(lane.TryPush(Make("a")));
  EventRef::Adopt(lane.TryDrop());
  EXPECT_TRUE(lane.HasNews());
  EXPECT_EQ(TakeAll(lane), (Got{"-1"}));
  EXPECT_FALSE(lane.HasNews());
  EXPECT_EQ(lane.TryDrop(), nullptr);
}

TEST(Lane, TellsRefusedEventsBehindWhatWasTherebefore) {
  Lane lane(4);
  ASSERT_TRUE(lane.TryPush(Make("a")));
  lane.CountRefused();
  lane.CountRefused();
  ASSERT_TRUE(lane.TryPush(Make("b")));
  lane.CountRefused();
  EXPECT_EQ(TakeAll(lane), (Got{"a", "-2", "b", "-1"}));
  EXPECT_FALSE(lane.HasNews());
}

TEST(Lane, FreesWhatIsLeft) {
  Lane lane(4);
  const EventRef event = EventRef::Adopt(Make("a"));
  event.get()->AddRef();
  ASSERT_TRUE(lane.TryPush(event.get()));
}

class LaneThreads : public testing::TestWithParam<int> {};

// Several publishers and droppers, one reader: each publisher's events come in order, and what came
// plus what was missed is what was pushed. Each gap lies where the events were: between two events
// of one publisher no fewer are missed than that publisher lost there.
TEST_P(LaneThreads, KeepsOrderAndAccountsForEveryEvent) {
  constexpr int kEach = 20000;
  Lane lane(64);
  std::atomic<int> running{GetParam()};
  std::atomic<uint64_t> lost{0};
  std::vector<std::thread> publishers;
  for (int p = 0; p < GetParam(); ++p) {
    publishers.emplace_back([&, p] {
      for (int i = 0; i < kEach; ++i) {
        EventFields fields;
        fields.id = std::to_string(p) + " " + std::to_string(i);
        const Event* event = MakeEvent(std::move(fields)).Leak();
        if (lane.TryPush(event)) continue;
        if (i % 2 == 0) {
          if (const Event* oldest = lane.TryDrop()) {
            lost.fetch_add(1);
            oldest->Release();
          }
          if (lane.TryPush(event)) continue;
        }
        lost.fetch_add(1);
        event->Release();
        lane.CountRefused();
      }
      running.fetch_sub(1);
    });
  }
  uint64_t taken_count = 0;
  uint64_t missed_total = 0;
  std::map<int, int> next;                 // By publisher: the number that should come.
  std::map<int, uint64_t> missed_at_last;  // missed_total when its last event came.
  for (bool last_look = false;;) {
    std::array<Lane::Taken, 7> taken;
    uint64_t missed_at_end = 0;
    const size_t n = lane.Take(absl::MakeSpan(taken), missed_at_end);
    for (const Lane::Taken& each : absl::MakeConstSpan(taken.data(), n)) {
      missed_total += each.missed_before;
      const std::string& id = each.event->fields().id;
      const int p = std::stoi(id);
      const int number = std::stoi(id.substr(id.find(' ')));
      ASSERT_GE(number, next[p]);
      ASSERT_GE(missed_total - missed_at_last[p], static_cast<uint64_t>(number - next[p]));
      next[p] = number + 1;
      missed_at_last[p] = missed_total;
      ++taken_count;
      each.event->Release();
    }
    missed_total += missed_at_end;
    if (n > 0) continue;
    if (last_look) break;
    last_look = running.load() == 0;
    std::this_thread::yield();
  }
  for (std::thread& thread : publishers) thread.join();
  EXPECT_EQ(missed_total, lost.load());
  EXPECT_EQ(taken_count + missed_total, static_cast<uint64_t>(GetParam()) * kEach);
  EXPECT_FALSE(lane.HasNews());
}

INSTANTIATE_TEST_SUITE_P(Threads, LaneThreads, testing::Values(1, 2, 8));

}  // namespace
}  // namespace taskforge

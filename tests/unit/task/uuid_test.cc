#include "task/uuid.h"

#include <set>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "task/validation.h"

namespace taskforge {
namespace {

constexpr char kForm[] = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";

TEST(UuidTest, HasTheFormOfVersion7) {
  SeededRandom random(1);
  for (int i = 0; i < 100; ++i) {
    const std::string uuid = MakeUuidV7(absl::FromUnixMillis(i), random).ToString();
    EXPECT_THAT(uuid, ::testing::ContainsRegex(kForm));
    EXPECT_EQ(uuid.size(), 36u);
    EXPECT_TRUE(IsTaskId(uuid));
  }
}

TEST(UuidTest, BeginsWithTheTime) {
  SeededRandom random(1);
  // The example of RFC 9562, appendix A.6.
  const std::string uuid = MakeUuidV7(absl::FromUnixMillis(0x017F22E279B0), random).ToString();
  EXPECT_EQ(uuid.substr(0, 13), "017f22e2-79b0");
}

TEST(UuidTest, SortsByTimeAndNeverRepeats) {
  SeededRandom random(2);
  std::set<std::string> all;
  std::string last;
  for (int i = 0; i < 1000; ++i) {
    const std::string uuid =
        MakeUuidV7(absl::FromUnixMillis(1'767'225'600'000 + i), random).ToString();
    EXPECT_LT(last, uuid);
    last = uuid;
  }
  for (int i = 0; i < 10'000; ++i) all.insert(MakeUuidV7(absl::UnixEpoch(), random).ToString());
  EXPECT_EQ(all.size(), 10'000u);
}

TEST(UuidSequenceTest, EachIsGreaterAndOfTheForm) {
  SeededRandom random(3);
  UuidSequence uuids(random);
  absl::Time now = absl::FromUnixMillis(1'767'225'600'000);
  Uuid last = uuids.Next(now);
  EXPECT_EQ(last.time(), now);
  for (int i = 0; i < 20'000; ++i) {
    // Mostly faster than the time's steps, now and then after a jump back.
    now += i % 1000 == 999 ? -absl::Milliseconds(5) : absl::Nanoseconds(50);
    const Uuid next = uuids.Next(now);
    ASSERT_LT(last, next);
    ASSERT_EQ(next.high >> 12 & 0xF, 7u);
    ASSERT_EQ(next.low >> 62, 2u);
    last = next;
  }
}

TEST(UuidSequenceTest, FollowsTheClock) {
  SeededRandom random(4);
  UuidSequence uuids(random);
  const absl::Time now = absl::FromUnixMillis(1'767'225'600'000);
  uuids.Next(now);
  EXPECT_EQ(uuids.Next(now + absl::Hours(1)).time(), now + absl::Hours(1));
  EXPECT_LT(uuids.Next(now + absl::Hours(1) + absl::Microseconds(300)),
            Uuid::LeastAt(now + absl::Hours(1) + absl::Milliseconds(1)));
}

TEST(UuidSequenceTest, GoesOnAfterAnother) {
  SeededRandom random(5);
  UuidSequence before(random);
  const absl::Time now = absl::FromUnixMillis(1'767'225'600'000);
  const Uuid greatest = before.Next(now + absl::Hours(1));
  UuidSequence after(random);
  after.StartAfter(greatest);
  EXPECT_LT(greatest, after.Next(now));
  after.StartAfter(before.Next(now));  // Less far: changes nothing.
  EXPECT_LT(greatest, after.Next(now));
}

TEST(UuidSequenceTest, ThreadsNeverShareAPlace) {
  SeededRandom random(6);
  UuidSequence uuids(random);
  std::vector<std::vector<uint64_t>> highs(4);
  std::vector<std::thread> threads;
  for (std::vector<uint64_t>& mine : highs) {
    threads.emplace_back([&uuids, &mine] {
      for (int i = 0; i < 5'000; ++i) mine.push_back(uuids.Next(absl::UnixEpoch()).high);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<uint64_t> all;
  for (const std::vector<uint64_t>& mine : highs) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 20'000u);
}

}  // namespace
}  // namespace taskforge

#include "store/store_keys.h"

#include "base/random.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

TaskRecord Lasting(absl::Duration life) {
  SeededRandom random(1);
  TaskRecord record;
  record.uid = MakeUuidV7(kNow, random);
  record.history.Edit().expire_time = kNow + life;
  return record;
}

TEST(StoreKeysTest, KeysOfUuidsSortAsTheyDo) {
  SeededRandom random(3);
  UuidSequence uuids(random);
  Uuid last = uuids.Next(kNow);
  for (int i = 0; i < 1000; ++i) {
    const Uuid next = uuids.Next(kNow + absl::Microseconds(i));
    EXPECT_LT(UidKey(last), UidKey(next));
    EXPECT_EQ(ParseUidKey(UidKey(next)), next);
    EXPECT_EQ(ParseUuid(next.ToString()), next);
    last = next;
  }
}

TEST(StoreKeysTest, WhatIsNoUuidIsNotTakenForOne) {
  for (const char* text :
       {"", "a", "01a21b1d-3c72-7d1f-bea3-f6fd2c976b8", "01A21B1D-3c72-7d1f-bea3-f6fd2c976b8d",
        "01a21b1d_3c72-7d1f-bea3-f6fd2c976b8d", "01a21b1d-3c72-7d1f-bea3-f6fd2c976b8dd"}) {
    EXPECT_FALSE(ParseUuid(text).has_value()) << text;
  }
  EXPECT_FALSE(ParseUidKey("short").has_value());
}

TEST(StoreKeysTest, ARecordIsNotOverBeforeItsTime) {
  for (const int64_t seconds : {0, 1, 2, 3, 4, 59, 60, 3600, 86'400, 2'592'000}) {
    for (const absl::Duration more : {absl::ZeroDuration(), absl::Milliseconds(1)}) {
      const TaskRecord record = Lasting(absl::Seconds(seconds) + more);
      const LifeClass life = LifeClassOf(record);
      const absl::Time end = record.history->expire_time;
      // At its end the class's front has not passed it, and at twice its life it has.
      EXPECT_GE(EndedKey(life, record.uid), EndedKeyAt(life, OverBefore(life, end)))
          << seconds << " " << more;
      const absl::Time late = kNow + 2 * (end - kNow) + absl::Seconds(2);
      EXPECT_LT(EndedKey(life, record.uid), EndedKeyAt(life, OverBefore(life, late)))
          << seconds << " " << more;
    }
  }
}

TEST(StoreKeysTest, WhatNeverExpiresIsNeverOver) {
  const TaskRecord record = Lasting(absl::InfiniteDuration());
  EXPECT_EQ(LifeClassOf(record), kForever);
  EXPECT_EQ(OverBefore(kForever, kNow), absl::InfinitePast());
}

TEST(StoreKeysTest, AnExpiringValueSaysWhen) {
  const std::string bytes = ExpiringValue(kNow, "value");
  EXPECT_EQ(ParseExpiring(bytes)->expires, kNow);
  EXPECT_EQ(ParseExpiring(bytes)->value, "value");
  EXPECT_EQ(ParseExpiring(ExpiringValue(absl::InfiniteFuture(), ""))->expires,
            absl::InfiniteFuture());
  EXPECT_FALSE(ParseExpiring("1234567").has_value());
}

TEST(StoreKeysTest, NamesOfNamespacesDoNotFlowTogether) {
  EXPECT_NE(NameKey("a", "b/c"), NameKey("a/b", "c"));
}

}  // namespace
}  // namespace taskforge

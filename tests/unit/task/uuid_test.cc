#include "task/uuid.h"

#include <set>

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

}  // namespace
}  // namespace taskforge

#include "rpc/replay_cursor.h"

#include <random>

#include "absl/strings/escaping.h"
#include "base/error.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

constexpr uint64_t kEpoch = 0x8000000000000001;
constexpr ReplayPosition kPosition = {{1, 0xFF00000000000002, 3, UINT64_MAX}, 5};
constexpr ReplayPosition kOldest = {{6, 7, 8, 9}, 10};

TEST(ReplayCursor, SaysHowFarAClientHasCome) {
  const std::string cursor = ReplayCursorOf(kPosition, kEpoch);
  EXPECT_EQ(cursor.size(), 49U);
  EXPECT_EQ(ReplayPositionFrom(cursor, kEpoch, kOldest).value(), kPosition);
}

TEST(ReplayCursor, JunkIsAMistake) {
  const std::string cursor = ReplayCursorOf(kPosition, kEpoch);
  std::string other_format = cursor;
  other_format[0] = 2;
  for (const std::string& junk :
       {std::string(), std::string("junk"), std::string(1, '\x01'), other_format,
        cursor.substr(0, 48), cursor + "x", std::string(49, '\0'), std::string(1 << 20, '\x01')}) {
    const absl::Status status = ReplayPositionFrom(junk, kEpoch, kOldest).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
        << absl::CHexEscape(junk.substr(0, 60));
    EXPECT_EQ(DetailsOf(status).field_violations.at(0).field, "cursor");
  }
}

// Whatever the bytes: a mistake, another life, or what they say.
TEST(ReplayCursor, AnyBytesHaveOneMeaning) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 10'000; ++i) {
    std::string bytes = ReplayCursorOf(kPosition, kEpoch);
    for (size_t flips = random() % 4 + 1; flips > 0; --flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) bytes.resize(random() % 64);
    const auto position = ReplayPositionFrom(bytes, kEpoch, kOldest);
    if (position.ok()) {
      EXPECT_EQ(ReplayCursorOf(*position, kEpoch), bytes) << absl::CHexEscape(bytes);
    } else {
      EXPECT_TRUE(absl::IsInvalidArgument(position.status()) ||
                  absl::IsOutOfRange(position.status()))
          << absl::CHexEscape(bytes);
    }
  }
}

TEST(ReplayCursor, OfAnotherLifeIsGone) {
  const absl::Status status =
      ReplayPositionFrom(ReplayCursorOf(kPosition, kEpoch - 1), kEpoch, kOldest).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  const ErrorDetails details = DetailsOf(status);
  EXPECT_EQ(details.reason, "CURSOR_GONE");
  std::string oldest;
  ASSERT_TRUE(absl::Base64Unescape(details.metadata.at("oldest_cursor"), &oldest));
  EXPECT_EQ(ReplayPositionFrom(oldest, kEpoch, {}).value(), kOldest);
}

}  // namespace
}  // namespace taskforge

#include "rpc/watch_cursor.h"

#include "absl/strings/escaping.h"
#include "base/error.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

constexpr uint64_t kEpoch = 0x8000000000000001;

TaskRecord RecordOf(uint64_t revision, Uuid uid = {0x198, 1}) {
  TaskRecord record;
  record.uid = uid;
  record.revision = revision;
  return record;
}

TEST(WatchCursor, SaysWhatWasSeen) {
  const std::string cursor = WatchCursorOf(RecordOf(0xFF00000000000003), kEpoch);
  EXPECT_EQ(SeenRevision(cursor, RecordOf(7), kEpoch).value(), 0xFF00000000000003);
  EXPECT_EQ(SeenRevision("", RecordOf(7), kEpoch).value(), 0U);
}

TEST(WatchCursor, JunkIsAMistake) {
  const std::string cursor = WatchCursorOf(RecordOf(3), kEpoch);
  std::string other_format = cursor;
  other_format[0] = 2;
  for (const std::string& junk : {std::string("junk"), std::string("\x01", 1), other_format,
                                  cursor.substr(0, 17), cursor + std::string(100, 'x')}) {
    const absl::Status status = SeenRevision(junk, RecordOf(3), kEpoch).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << absl::CHexEscape(junk);
    EXPECT_EQ(DetailsOf(status).field_violations.at(0).field, "cursor");
  }
}

TEST(WatchCursor, OfAnotherLifeOrTaskIsGone) {
  const TaskRecord now = RecordOf(5);
  for (const std::string& gone : {WatchCursorOf(RecordOf(3), kEpoch - 1),
                                  WatchCursorOf(RecordOf(3, Uuid{0x199, 1}), kEpoch)}) {
    const absl::Status status = SeenRevision(gone, now, kEpoch).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    const ErrorDetails details = DetailsOf(status);
    EXPECT_EQ(details.reason, "CURSOR_GONE");
    std::string oldest;
    ASSERT_TRUE(absl::Base64Unescape(details.metadata.at("oldest_cursor"), &oldest));
    EXPECT_EQ(SeenRevision(oldest, now, kEpoch).value(), 5U);
  }
}

}  // namespace
}  // namespace taskforge

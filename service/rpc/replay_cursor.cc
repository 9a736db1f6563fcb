#include "rpc/replay_cursor.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "base/error.h"
#include "rpc/cursor_number.h"

namespace taskforge {
namespace {

constexpr char kFormat = 1;
constexpr size_t kNumbers = 2 + kPriorityCount;
constexpr size_t kBytes = 1 + kNumbers * kCursorNumberBytes;

uint64_t NumberAt(absl::string_view cursor, size_t index) {
  return CursorNumberAt(cursor, 1 + index * kCursorNumberBytes);
}

absl::Status Gone(const ReplayPosition& oldest, uint64_t boot_epoch) {
  ErrorDetails details;
  details.reason = "CURSOR_GONE";
  details.metadata["oldest_cursor"] = absl::Base64Escape(ReplayCursorOf(oldest, boot_epoch));
  return WithDetails(
      absl::OutOfRangeError("the cursor is of another life of the server, whose events are gone: "
                            "start at START_AT_EARLIEST, which is oldest_cursor, or at "
                            "START_AT_LATEST"),
      details);
}

}  // namespace

std::string ReplayCursorOf(const ReplayPosition& position, uint64_t boot_epoch) {
  std::string cursor(1, kFormat);
  cursor.reserve(kBytes);
  AppendCursorNumber(boot_epoch, cursor);
  AppendCursorNumber(position.trims, cursor);
  for (const uint64_t through : position.through) AppendCursorNumber(through, cursor);
  return cursor;
}

absl::StatusOr<ReplayPosition> ReplayPositionFrom(absl::string_view cursor, uint64_t boot_epoch,
                                                  const ReplayPosition& oldest) {
  if (cursor.size() != kBytes || cursor.front() != kFormat) {
    return InvalidArgument(
        {{"cursor", "is not one of Subscribe's: send back what it gave, or start elsewhere"}});
  }
  if (NumberAt(cursor, 0) != boot_epoch) return Gone(oldest, boot_epoch);
  ReplayPosition position;
  position.trims = NumberAt(cursor, 1);
  for (size_t i = 0; i < kPriorityCount; ++i) position.through[i] = NumberAt(cursor, 2 + i);
  return position;
}

}  // namespace taskforge

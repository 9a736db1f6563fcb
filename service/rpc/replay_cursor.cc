#include "rpc/replay_cursor.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "base/error.h"

namespace taskforge {
namespace {

constexpr char kFormat = 1;
constexpr size_t kNumberBytes = 8;
constexpr size_t kNumbers = 2 + kPriorityCount;
constexpr size_t kBytes = 1 + kNumbers * kNumberBytes;

void Append(uint64_t number, std::string& out) {
  for (size_t i = kNumberBytes; i-- > 0;) out.push_back(static_cast<char>(number >> (8 * i)));
}

uint64_t NumberAt(absl::string_view cursor, size_t index) {
  uint64_t number = 0;
  for (const char c : cursor.substr(1 + index * kNumberBytes, kNumberBytes)) {
    number = number << 8U | static_cast<unsigned char>(c);
  }
  return number;
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
  Append(boot_epoch, cursor);
  Append(position.trims, cursor);
  for (const uint64_t through : position.through) Append(through, cursor);
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

#include "rpc/watch_cursor.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "base/error.h"
#include "rpc/cursor_number.h"

namespace taskforge {
namespace {

constexpr char kFormat = 1;
constexpr size_t kHeadBytes = 1 + 2 * kCursorNumberBytes;
constexpr size_t kMaxUidBytes = 64;

absl::Status Gone(const TaskRecord& record, uint64_t boot_epoch) {
  ErrorDetails details;
  details.reason = "CURSOR_GONE";
  details.metadata["oldest_cursor"] = absl::Base64Escape(WatchCursorOf(record, boot_epoch));
  return WithDetails(absl::OutOfRangeError(
                         "the cursor is of another life of the server, or of a task that had this "
                         "name before: watch without one, or from oldest_cursor"),
                     details);
}

}  // namespace

std::string WatchCursorOf(const TaskRecord& record, uint64_t boot_epoch) {
  std::string cursor(1, kFormat);
  AppendCursorNumber(boot_epoch, cursor);
  AppendCursorNumber(record.revision, cursor);
  return cursor + record.uid.ToString();
}

absl::StatusOr<uint64_t> SeenRevision(absl::string_view cursor, const TaskRecord& record,
                                      uint64_t boot_epoch) {
  if (cursor.empty()) return 0;
  if (cursor.front() != kFormat || cursor.size() <= kHeadBytes ||
      cursor.size() > kHeadBytes + kMaxUidBytes) {
    return InvalidArgument(
        {{"cursor", "is not one of WatchTask's: send back what it gave, or none"}});
  }
  if (CursorNumberAt(cursor, 1) != boot_epoch ||
      cursor.substr(kHeadBytes) != record.uid.ToString()) {
    return Gone(record, boot_epoch);
  }
  return CursorNumberAt(cursor, 1 + kCursorNumberBytes);
}

}  // namespace taskforge

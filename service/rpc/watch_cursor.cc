#include "rpc/watch_cursor.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "base/error.h"

namespace taskforge {
namespace {

constexpr char kFormat = 1;
constexpr size_t kNumberBytes = 8;
constexpr size_t kHeadBytes = 1 + 2 * kNumberBytes;
constexpr size_t kMaxUidBytes = 64;

void Append(uint64_t number, std::string& out) {
  for (size_t i = kNumberBytes; i-- > 0;) out.push_back(static_cast<char>(number >> (8 * i)));
}

uint64_t NumberAt(absl::string_view bytes, size_t at) {
  uint64_t number = 0;
  for (const char c : bytes.substr(at, kNumberBytes)) {
    number = number << 8U | static_cast<unsigned char>(c);
  }
  return number;
}

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
  Append(boot_epoch, cursor);
  Append(record.revision, cursor);
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
  if (NumberAt(cursor, 1) != boot_epoch || cursor.substr(kHeadBytes) != record.uid.ToString()) {
    return Gone(record, boot_epoch);
  }
  return NumberAt(cursor, 1 + kNumberBytes);
}

}  // namespace taskforge

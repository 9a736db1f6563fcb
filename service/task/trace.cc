#include "task/trace.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace taskforge {
namespace {

// Where the parts of a traceparent begin, and the length of version 00.
constexpr size_t kTraceIdAt = 3;
constexpr size_t kTraceIdBytes = 32;
constexpr size_t kParentIdAt = 36;
constexpr size_t kParentIdBytes = 16;
constexpr size_t kFlagsAt = 53;
constexpr size_t kTraceparentBytes = 55;

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// An id: not all zeros.
bool IsId(absl::string_view text) {
  return IsLowerHex(text) && text.find_first_not_of('0') != absl::string_view::npos;
}

}  // namespace

bool IsTraceparent(absl::string_view text) {
  if (text.size() < kTraceparentBytes || text.size() > kMaxTraceparentBytes) return false;
  const absl::string_view version = text.substr(0, kTraceIdAt - 1);
  if (!IsLowerHex(version) || version == "ff") return false;
  if (text.size() > kTraceparentBytes && (version == "00" || text[kTraceparentBytes] != '-')) {
    return false;
  }
  if (text[kTraceIdAt - 1] != '-' || text[kParentIdAt - 1] != '-' || text[kFlagsAt - 1] != '-') {
    return false;
  }
  return IsId(text.substr(kTraceIdAt, kTraceIdBytes)) &&
         IsId(text.substr(kParentIdAt, kParentIdBytes)) && IsLowerHex(text.substr(kFlagsAt, 2)) &&
         std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isgraph(c); });
}

absl::string_view TraceIdOf(absl::string_view traceparent) {
  return traceparent.empty() ? traceparent : traceparent.substr(kTraceIdAt, kTraceIdBytes);
}

bool IsXRequestId(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxXRequestIdBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isprint(c); });
}

}  // namespace taskforge

// What ties a task or an event to the calls around it: the headers `traceparent` (W3C Trace
// Context, https://www.w3.org/TR/trace-context/) and `x-request-id`. They are carried, never acted
// on. One that is malformed is ignored, as W3C says of the first: a header that some proxy spoils
// must not make a call fail.
#ifndef TASKFORGE_TASK_TRACE_H_
#define TASKFORGE_TASK_TRACE_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace taskforge {

inline constexpr size_t kMaxTraceparentBytes = 128;
inline constexpr size_t kMaxXRequestIdBytes = 128;

// Both as event attributes: names of CloudEvents extensions are [a-z0-9].
inline constexpr char kTraceparentAttribute[] = "traceparent";
inline constexpr char kXRequestIdAttribute[] = "xrequestid";

// `version-traceid-parentid-flags` in lower-case hexadecimal, of 2, 32, 16 and 2 digits; version ff
// and ids of zeros are not valid. A version above 00 may have more behind another dash.
bool IsTraceparent(absl::string_view text);
// The trace-id of a valid traceparent; empty if it is empty.
absl::string_view TraceIdOf(absl::string_view traceparent);
// 1 to 128 bytes of printable ASCII.
bool IsXRequestId(absl::string_view text);

}  // namespace taskforge

#endif  // TASKFORGE_TASK_TRACE_H_

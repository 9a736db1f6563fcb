// Values as people read and write them: `80 µs`, `high`, `1.2 MiB`.
#ifndef TASKFORGE_CLI_FORMAT_H_
#define TASKFORGE_CLI_FORMAT_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "taskforge/v1/types.pb.h"

namespace taskforge::cli {

// `850 ns`, `80 µs`, `1.2 ms`, `3.5 s`, `2 min 5 s`, `3 h 7 min`: two digits that matter or more.
std::string DurationText(absl::Duration duration);
// `512 B`, `1.2 KiB`, `3.0 MiB`.
std::string FormatBytes(uint64_t bytes);
// `1,234,567`.
std::string FormatCount(uint64_t count);
// Local time, to the millisecond; `-` when not set.
std::string FormatTime(const google::protobuf::Timestamp& time);

// `low`, `normal`, `high`, `critical`; `default` when unspecified.
std::string FormatPriority(v1::Priority priority);
std::optional<v1::Priority> ParsePriority(absl::string_view text);
// `succeeded`, …; `unknown` when unspecified.
std::string FormatState(v1::TaskState state);
bool IsTerminal(v1::TaskState state);
// An enum's name without its prefix, in lower case: WAIT_REASON_NO_WORKER → no_worker; empty for
// the unspecified value.
std::string FormatEnum(absl::string_view name, absl::string_view prefix);

absl::Duration ToDuration(const google::protobuf::Duration& duration);
absl::Time ToTime(const google::protobuf::Timestamp& time);
void SetDuration(absl::Duration duration, google::protobuf::Duration& out);
void SetTime(absl::Time time, google::protobuf::Timestamp& out);
// `80ms`, `1.5s`, `2m`, or a bare number of seconds; empty when it is none of these, or negative.
std::optional<absl::Duration> ParseDurationText(absl::string_view text);

// Processors, ascending: `0-3,6`; `none`: an empty list, all that the server may use. None when it
// is neither.
std::optional<std::vector<int>> ParseCpus(absl::string_view text);

// The value that a share `q` in [0, 1] of `values` does not exceed (nearest rank); zero when empty.
absl::Duration Percentile(std::vector<absl::Duration> values, double q);

// Bytes as they may be shown on one line of a terminal: control characters and what is not UTF-8
// become escapes, and at most `max_bytes` of the input are shown.
std::string Printable(absl::string_view text, size_t max_bytes = SIZE_MAX);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_FORMAT_H_

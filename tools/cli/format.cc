#include "cli/format.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/json.h"

namespace taskforge::cli {
namespace {

// 1.2, 12, 120: two digits at least, none that nobody reads.
std::string TwoDigits(double value) {
  return value < 9.95 ? absl::StrFormat("%.1f", value) : absl::StrFormat("%.0f", value);
}

}  // namespace

std::string DurationText(absl::Duration duration) {
  if (duration < absl::ZeroDuration()) return absl::StrCat("-", DurationText(-duration));
  if (duration == absl::InfiniteDuration()) return "for ever";
  const double ns = absl::ToDoubleNanoseconds(duration);
  if (ns < 1000) return absl::StrFormat("%.0f ns", ns);
  if (ns < 999.5e3) return absl::StrCat(TwoDigits(ns / 1e3), " µs");
  if (ns < 999.5e6) return absl::StrCat(TwoDigits(ns / 1e6), " ms");
  if (ns < 59.95e9) return absl::StrCat(TwoDigits(ns / 1e9), " s");
  const int64_t seconds = absl::ToInt64Seconds(duration + absl::Milliseconds(500));
  if (seconds < 3600) return absl::StrFormat("%d min %d s", seconds / 60, seconds % 60);
  return absl::StrFormat("%d h %d min", seconds / 3600, seconds % 3600 / 60);
}

std::string FormatBytes(uint64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes);
  const char* unit = "B";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB"}) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return absl::StrFormat("%.1f %s", value, unit);
}

std::string FormatCount(uint64_t count) {
  std::string text = absl::StrCat(count);
  for (size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

std::string FormatTime(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3S", ToTime(time), absl::LocalTimeZone());
}

std::string FormatEnum(absl::string_view name, absl::string_view prefix) {
  if (absl::StartsWith(name, prefix)) name.remove_prefix(prefix.size());
  return name == "UNSPECIFIED" ? "" : absl::AsciiStrToLower(name);
}

std::string FormatPriority(v1::Priority priority) {
  const std::string text = FormatEnum(v1::Priority_Name(priority), "PRIORITY_");
  return text.empty() ? "default" : text;
}

std::optional<v1::Priority> ParsePriority(absl::string_view text) {
  v1::Priority priority;
  if (text.empty() ||
      !v1::Priority_Parse(absl::StrCat("PRIORITY_", absl::AsciiStrToUpper(text)), &priority)) {
    return std::nullopt;
  }
  return priority;
}

std::string FormatState(v1::TaskState state) {
  const std::string text = FormatEnum(v1::TaskState_Name(state), "TASK_STATE_");
  return text.empty() ? "unknown" : text;
}

bool IsTerminal(v1::TaskState state) {
  return state == v1::TASK_STATE_SUCCEEDED || state == v1::TASK_STATE_FAILED ||
         state == v1::TASK_STATE_CANCELLED || state == v1::TASK_STATE_EXPIRED;
}

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

void SetDuration(absl::Duration duration, google::protobuf::Duration& out) {
  absl::Duration rest;
  out.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  out.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
}

void SetTime(absl::Time time, google::protobuf::Timestamp& out) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  out.set_seconds(seconds);
  out.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

std::optional<absl::Duration> ParseDurationText(absl::string_view text) {
  double seconds;
  absl::Duration duration;
  if (absl::SimpleAtod(text, &seconds) && std::isfinite(seconds)) {
    duration = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(text, &duration) || duration == absl::InfiniteDuration()) {
    return std::nullopt;
  }
  if (duration < absl::ZeroDuration()) return std::nullopt;
  return duration;
}

std::optional<std::vector<int>> ParseCpus(absl::string_view text) {
  constexpr int kMostCpu = 4095;  // More than any kernel here has.
  std::set<int> cpus;
  if (text == "none") return std::vector<int>();
  for (const absl::string_view range : absl::StrSplit(text, ',')) {
    const std::vector<absl::string_view> ends = absl::StrSplit(range, absl::MaxSplits('-', 1));
    int first = 0;
    int last = 0;
    const bool are_numbers =
        absl::SimpleAtoi(ends.front(), &first) && absl::SimpleAtoi(ends.back(), &last);
    if (!are_numbers || first < 0 || last < first || last > kMostCpu) return std::nullopt;
    for (int cpu = first; cpu <= last; ++cpu) cpus.insert(cpu);
  }
  return std::vector<int>(cpus.begin(), cpus.end());
}

absl::Duration Percentile(std::vector<absl::Duration> values, double q) {
  if (values.empty()) return absl::ZeroDuration();
  const double rank = std::ceil(q * static_cast<double>(values.size()));
  const size_t index = rank < 1 ? 0 : std::min(static_cast<size_t>(rank) - 1, values.size() - 1);
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(index), values.end());
  return values[index];
}

std::string Printable(absl::string_view text, size_t max_bytes) {
  const bool is_cut = text.size() > max_bytes;
  std::string quoted;
  AppendJsonString(text.substr(0, max_bytes), quoted);
  // What JSON escapes for its own sake reads better as it is.
  std::string shown =
      absl::StrReplaceAll(quoted.substr(1, quoted.size() - 2), {{"\\\\", "\\"}, {"\\\"", "\""}});
  if (is_cut) shown += "…";
  return shown;
}

}  // namespace taskforge::cli

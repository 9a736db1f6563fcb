#include "base/error.h"

#include <cstdint>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

constexpr absl::string_view kPayloadType = "taskforge.ErrorDetails";

// The payload is a list of length-prefixed strings, each with a one-letter tag: private to this
// file, never stored or sent.
void Put(std::string& out, char tag, absl::string_view text) {
  absl::StrAppend(&out, absl::string_view(&tag, 1), text.size(), ":", text);
}

bool Take(absl::string_view& in, char& tag, std::string& text) {
  if (in.empty()) return false;
  tag = in.front();
  const size_t colon = in.find(':');
  uint64_t size = 0;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(in.substr(1, colon - 1), &size)) {
    return false;
  }
  if (in.size() - colon - 1 < size) return false;
  text = std::string(in.substr(colon + 1, size));
  in.remove_prefix(colon + 1 + size);
  return true;
}

}  // namespace

absl::Status WithDetails(absl::Status status, const ErrorDetails& details) {
  std::string out;
  Put(out, 'r', details.reason);
  for (const auto& [key, value] : details.metadata) {
    Put(out, 'k', key);
    Put(out, 'v', value);
  }
  for (const FieldViolation& violation : details.field_violations) {
    Put(out, 'f', violation.field);
    Put(out, 'd', violation.description);
  }
  for (const QuotaViolation& violation : details.quota_violations) {
    Put(out, 's', violation.subject);
    Put(out, 'q', violation.description);
  }
  if (details.retry_after.has_value()) {
    Put(out, 't', absl::StrCat(absl::ToInt64Nanoseconds(*details.retry_after)));
  }
  status.SetPayload(kPayloadType, absl::Cord(out));
  return status;
}

absl::Status ReasonError(absl::StatusCode code, absl::string_view reason,
                         absl::string_view message) {
  ErrorDetails details;
  details.reason = std::string(reason);
  return WithDetails(absl::Status(code, message), details);
}

absl::Status DrainingError(absl::string_view message, absl::Duration retry_after) {
  ErrorDetails details;
  details.reason = "DRAINING";
  details.retry_after = retry_after;
  return WithDetails(absl::UnavailableError(message), details);
}

absl::Status QuotaError(absl::string_view reason, absl::string_view message, QuotaViolation quota,
                        absl::Duration retry_after) {
  ErrorDetails details;
  details.reason = std::string(reason);
  details.quota_violations.push_back(std::move(quota));
  details.retry_after = retry_after;
  return WithDetails(absl::ResourceExhaustedError(message), details);
}

absl::Status InvalidArgument(std::vector<FieldViolation> violations) {
  std::string message =
      absl::StrCat(violations.front().field, ": ", violations.front().description);
  if (violations.size() > 1) {
    absl::StrAppend(&message, " (and ", violations.size() - 1, " more; see the details)");
  }
  ErrorDetails details;
  details.reason = "INVALID_FIELD";
  details.field_violations = std::move(violations);
  return WithDetails(absl::InvalidArgumentError(message), details);
}

ErrorDetails DetailsOf(const absl::Status& status) {
  ErrorDetails details;
  const auto payload = status.GetPayload(kPayloadType);
  if (!payload.has_value()) return details;
  const std::string bytes(*payload);
  absl::string_view in = bytes;
  char tag = 0;
  std::string text;
  std::string held;
  while (Take(in, tag, text)) {
    switch (tag) {
      case 'r':
        details.reason = text;
        break;
      case 'v':
        details.metadata[held] = text;
        break;
      case 'd':
        details.field_violations.push_back({held, text});
        break;
      case 'q':
        details.quota_violations.push_back({held, text});
        break;
      case 't': {
        int64_t ns = 0;
        if (absl::SimpleAtoi(text, &ns)) details.retry_after = absl::Nanoseconds(ns);
        break;
      }
      default:
        held = text;
        break;  // 'k', 'f', 's': the first half of a pair.
    }
  }
  return details;
}

}  // namespace taskforge

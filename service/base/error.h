// Errors with machine-readable details, carried by absl::Status through the core and turned into
// google.rpc error details at the edge. A message says what, the limit and the knob:
//   queue "default" is full: 10000 tasks (queues.default.max_tasks)
//
// Codes mean the same everywhere: INVALID_ARGUMENT the caller's mistake; NOT_FOUND; ALREADY_EXISTS;
// RESOURCE_EXHAUSTED full, try later; UNAVAILABLE draining, try elsewhere; FAILED_PRECONDITION
// wrong state; DEADLINE_EXCEEDED ran too long; DATA_LOSS corruption; UNIMPLEMENTED not here yet.
#ifndef TASKFORGE_BASE_ERROR_H_
#define TASKFORGE_BASE_ERROR_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace taskforge {

struct FieldViolation {
  std::string field;        // Path as in the proto: `task.retry_policy.max_attempts`.
  std::string description;  // What is wrong, the limit, and the way out.
  bool operator==(const FieldViolation&) const = default;
};

struct QuotaViolation {
  std::string subject;      // `queues/default`
  std::string description;  // `10000 of 10000 tasks`
  bool operator==(const QuotaViolation&) const = default;
};

struct ErrorDetails {
  std::string reason;                           // ErrorInfo.reason, UPPER_SNAKE_CASE: `QUEUE_FULL`.
  std::map<std::string, std::string> metadata;  // ErrorInfo.metadata.
  std::vector<FieldViolation> field_violations;  // BadRequest, all at once.
  std::vector<QuotaViolation> quota_violations;  // QuotaFailure.
  std::optional<absl::Duration> retry_after;     // RetryInfo and grpc-retry-pushback-ms.
  bool operator==(const ErrorDetails&) const = default;
};

// Attaches `details` to `status` (which must not be OK) and returns it.
absl::Status WithDetails(absl::Status status, const ErrorDetails& details);
// An error with a reason and nothing else.
absl::Status ReasonError(absl::StatusCode code, absl::string_view reason,
                         absl::string_view message);
// UNAVAILABLE, reason DRAINING: the server stops. `retry_after` is how long a client should wait
// before it tries (another one).
absl::Status DrainingError(absl::string_view message,
                           absl::Duration retry_after = absl::Seconds(1));
// RESOURCE_EXHAUSTED: all places of something are taken. `quota` says which, and how many.
absl::Status QuotaError(absl::string_view reason, absl::string_view message, QuotaViolation quota,
                        absl::Duration retry_after);
// INVALID_ARGUMENT with every violation; the message names the first and counts the rest.
// REQUIRES: `violations` is not empty.
absl::Status InvalidArgument(std::vector<FieldViolation> violations);

// The details that `status` carries; empty ones if none.
ErrorDetails DetailsOf(const absl::Status& status);

}  // namespace taskforge

#endif  // TASKFORGE_BASE_ERROR_H_

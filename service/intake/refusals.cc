#include "intake/refusals.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"

namespace taskforge {
namespace {

constexpr absl::Duration kLeastRetryAfter = absl::Seconds(1);
constexpr absl::Duration kGreatestRetryAfter = absl::Seconds(30);

}  // namespace

absl::Status HandlerUnknownError(absl::string_view handler, const std::vector<std::string>& near) {
  ErrorDetails details;
  details.reason = "HANDLER_UNKNOWN";
  details.metadata["handler"] = std::string(handler);
  std::string message = absl::StrCat("nothing serves the handler \"", handler, "\"");
  if (near.empty()) {
    absl::StrAppend(&message, ": connect a worker that does");
  } else {
    details.metadata["near"] = absl::StrJoin(near, ",");
    absl::StrAppend(&message, ": did you mean \"", absl::StrJoin(near, "\" or \""), "\"?");
  }
  return WithDetails(absl::FailedPreconditionError(message), details);
}

absl::Status PoolOverloadedError(Priority priority, absl::Duration wait, absl::Duration limit) {
  const std::string name(Name(priority));
  const std::string waited = absl::FormatDuration(absl::Trunc(wait, absl::Milliseconds(1)));
  ErrorDetails details;
  details.reason = "POOL_OVERLOADED";
  details.metadata["priority"] = name;
  details.quota_violations.push_back(
      {"pool", absl::StrCat("work has waited for ", waited, " of ", absl::FormatDuration(limit))});
  details.retry_after = std::clamp(wait - limit, kLeastRetryAfter, kGreatestRetryAfter);
  return WithDetails(
      absl::ResourceExhaustedError(absl::StrCat(
          "the pool is overloaded: more threads would not help, and work of priority ", name,
          " or above has waited for ", waited, "; beyond ", absl::FormatDuration(limit),
          " new work of that priority is refused (admission.shed_", name,
          "_after): come again later, or ask for a higher priority if it is urgent")),
      details);
}

absl::Status RequestIdReusedError(absl::string_view request_id, absl::string_view task_name) {
  return ReasonError(
      absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED",
      absl::StrCat("request_id \"", request_id, "\" stands for ",
                   task_name.empty() ? absl::string_view("another submission") : task_name,
                   ", whose content differs: use a new request_id for a new task"));
}

absl::Status TaskGoneError(absl::string_view request_id, absl::string_view task_name) {
  ErrorDetails details;
  details.reason = "TASK_GONE";
  details.metadata["task"] = std::string(task_name);
  return WithDetails(
      absl::NotFoundError(absl::StrCat(
          "request_id \"", request_id, "\" stands for ", task_name,
          ", which has ended and can no longer be read (result_ttl, or it was deleted): no "
          "second task was made; use a new request_id for a new task")),
      details);
}

absl::Status TaskExistsError(absl::string_view task_name) {
  return ReasonError(absl::StatusCode::kAlreadyExists, "TASK_EXISTS",
                     absl::StrCat("there is a task \"", task_name,
                                  "\" already: leave task_id empty for a name of its own"));
}

absl::Status StoreFailedError(const absl::Status& why) {
  return ReasonError(
      absl::StatusCode::kUnavailable, "STORE_FAILED",
      absl::StrCat("the task could not be stored and was not accepted: ", why.message()));
}

}  // namespace taskforge

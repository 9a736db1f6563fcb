#include "handlers/handler.h"

#include <exception>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace taskforge {
namespace {

TaskError ExceptionError(absl::string_view what) {
  TaskError error;
  error.code = absl::StatusCode::kInternal;
  error.reason = "EXCEPTION";
  error.message = absl::StrCat("the handler threw: ", what);
  return error;
}

bool IsNamePart(absl::string_view part) {
  if (part.empty() || part.size() > 63 || part[0] < 'a' || part[0] > 'z') return false;
  for (const char c : part) {
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!allowed) return false;
  }
  return true;
}

}  // namespace

void SyncHandler::Start(Attempt attempt, Completion done) {
  HandlerResult result;
  try {
    result = function_(attempt);
  } catch (const std::exception& exception) {
    result = ExceptionError(exception.what());
  } catch (...) {
    result = ExceptionError("something that is not a std::exception");
  }
  done.Finish(std::move(result));
}

bool IsHandlerName(absl::string_view name) {
  if (name.size() > 127) return false;
  for (const absl::string_view part : absl::StrSplit(name, '.')) {
    if (!IsNamePart(part)) return false;
  }
  return true;
}

TaskError InvalidInput(std::string message) {
  TaskError error;
  error.code = absl::StatusCode::kInvalidArgument;
  error.reason = "INVALID_INPUT";
  error.message = std::move(message);
  error.retryable = false;
  return error;
}

TaskError Stopped(StopReason reason) {
  TaskError error;
  error.code = absl::StatusCode::kCancelled;
  error.reason = "STOPPED";
  error.message = absl::StrCat("stopped as asked: ", Name(reason));
  return error;
}

}  // namespace taskforge

#include "handlers/handler.h"

#include <exception>

#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

TaskError ExceptionError(absl::string_view what) {
  TaskError error;
  error.code = absl::StatusCode::kInternal;
  error.reason = "EXCEPTION";
  error.message = absl::StrCat("the handler threw: ", what);
  return error;
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

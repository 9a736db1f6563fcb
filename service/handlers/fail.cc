#include "absl/strings/str_cat.h"
#include "handlers/built_in.h"
#include "handlers/flat_json.h"

namespace taskforge {
namespace {

HandlerResult Fail(const Attempt& attempt) {
  TaskError error;
  error.reason = "FAILED_AS_ASKED";
  error.message = "the handler `fail` fails";
  double attempts = -1;  // For ever.
  if (!attempt.input().data.empty()) {
    const absl::StatusOr<FlatJson> json = ParseFlatJson(attempt.input().data);
    if (!json.ok()) return InvalidInput(std::string(json.status().message()));
    for (const auto& [key, value] : *json) {
      const auto* text = std::get_if<std::string>(&value);
      const auto* flag = std::get_if<bool>(&value);
      const auto* number = std::get_if<double>(&value);
      if (key == "reason" && text != nullptr) {
        error.reason = *text;
      } else if (key == "message" && text != nullptr) {
        error.message = *text;
      } else if (key == "retryable" && flag != nullptr) {
        error.retryable = *flag;
      } else if (key == "attempts" && number != nullptr) {
        attempts = *number;
      } else {
        return InvalidInput(absl::StrCat("\"", key,
                                         "\": expected reason and message (texts), retryable "
                                         "(true or false) or attempts (a number)"));
      }
    }
  }
  if (attempts >= 0 && attempt.number() > attempts) {
    Payload output;
    output.content_type = "text/plain";
    output.data = absl::StrCat("succeeded in attempt ", attempt.number());
    output.is_text = true;
    return output;
  }
  return error;
}

}  // namespace

std::unique_ptr<Handler> MakeFailHandler() {
  HandlerInfo info;
  info.name = "fail";
  info.description = "Fails: for demonstrations and tests of retries.";
  info.version = "1";
  info.input_description =
      "Empty, or JSON: {\"reason\":\"FLAKY\",\"message\":\"no luck\",\"retryable\":true,"
      "\"attempts\":2} (succeeds after two failed attempts).";
  return std::make_unique<SyncHandler>(std::move(info), Fail);
}

}  // namespace taskforge

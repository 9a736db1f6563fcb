#include "cli/subscribe_start.h"

#include <cstdint>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace taskforge::cli {

absl::Status ParseSubscribeStart(absl::string_view text, v1::SubscribeRequest& request) {
  absl::string_view number = text;
  absl::string_view base64 = text;
  if (text == "latest") return absl::OkStatus();
  if (text == "earliest") {
    request.set_at(v1::START_AT_EARLIEST);
    return absl::OkStatus();
  }
  uint32_t last = 0;
  std::string cursor;
  if (absl::ConsumePrefix(&number, "last:") && absl::SimpleAtoi(number, &last) && last > 0) {
    request.set_last(last);
    return absl::OkStatus();
  }
  if (absl::ConsumePrefix(&base64, "cursor:") && absl::Base64Unescape(base64, &cursor) &&
      !cursor.empty()) {
    request.set_cursor(cursor);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--from ", text, ": want latest, earliest, last:N with N above 0, or cursor:BASE64"));
}

}  // namespace taskforge::cli

// Messages as JSON, in protobuf's own mapping, with the proto's field names.
#ifndef TASKFORGE_CLI_JSON_OUTPUT_H_
#define TASKFORGE_CLI_JSON_OUTPUT_H_

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cli/session.h"

namespace taskforge::cli {

// One line of JSON Lines, or, with kJson, an indented document; ends in a line feed.
std::string ToJson(const google::protobuf::Message& message, OutputFormat format);
// INVALID_ARGUMENT with protobuf's reason. Knows both spellings of field names.
absl::Status FromJson(absl::string_view json, google::protobuf::Message& message);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_JSON_OUTPUT_H_

#include "cli/json_output.h"

#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"

namespace taskforge::cli {

std::string ToJson(const google::protobuf::Message& message, OutputFormat format) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.add_whitespace = format == OutputFormat::kJson;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  // Only text that is not UTF-8 can fail, and the wire format has refused that already.
  if (!status.ok()) return absl::StrCat("{\"unprintable\": \"", message.GetTypeName(), "\"}\n");
  if (text.empty() || text.back() != '\n') text += "\n";
  return text;
}

absl::Status FromJson(absl::string_view json, google::protobuf::Message& message) {
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &message);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::string_view(status.message().data(), status.message().size()));
}

}  // namespace taskforge::cli

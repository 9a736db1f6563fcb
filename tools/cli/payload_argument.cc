#include "cli/payload_argument.h"

#include <fstream>
#include <iostream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "cli/format.h"

namespace taskforge::cli {

absl::StatusOr<std::string> ReadArgument(absl::string_view argument) {
  if (argument == "-") {
    return std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  }
  if (absl::StartsWith(argument, "@@")) return std::string(argument.substr(1));
  if (!absl::StartsWith(argument, "@")) return std::string(argument);
  const std::string path(argument.substr(1));
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.is_open() || file.bad()) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  return bytes;
}

absl::StatusOr<v1::Payload> MakePayload(absl::string_view argument, bool as_text,
                                        const std::string& content_type) {
  absl::StatusOr<std::string> bytes = ReadArgument(argument);
  if (!bytes.ok()) return bytes.status();
  const bool is_utf8 = IsUtf8(*bytes);
  if (as_text && !is_utf8) return absl::InvalidArgumentError("--text: the input is not UTF-8");
  const bool is_literal =
      argument != "-" && (!absl::StartsWith(argument, "@") || absl::StartsWith(argument, "@@"));
  v1::Payload payload;
  payload.set_content_type(content_type);
  if (as_text || (is_literal && is_utf8)) {
    payload.set_text_data(*std::move(bytes));
  } else {
    payload.set_binary_data(*std::move(bytes));
  }
  return payload;
}

const std::string& PayloadBytes(const v1::Payload& payload) {
  return payload.has_text_data() ? payload.text_data() : payload.binary_data();
}

void PrintPayload(const v1::Payload& payload, bool on_terminal, std::FILE* out) {
  const std::string& bytes = PayloadBytes(payload);
  if (on_terminal && !IsUtf8(bytes)) {
    std::fprintf(
        out, "(%s of %s: redirect to a file to get them)\n", FormatBytes(bytes.size()).c_str(),
        payload.content_type().empty() ? "bytes" : Printable(payload.content_type(), 80).c_str());
    return;
  }
  std::fwrite(bytes.data(), 1, bytes.size(), out);
  if (on_terminal && !bytes.empty() && bytes.back() != '\n') std::fputc('\n', out);
}

}  // namespace taskforge::cli

#include "cli/payload_argument.h"

#include <fstream>
#include <iostream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/format.h"

namespace taskforge::cli {
namespace {

// Length of the UTF-8 sequence that begins at `text`, 0 when there is none (RFC 3629).
size_t SequenceLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first < 0xC2   ? 0
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                        : first < 0xF5 ? 4
                                       : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (first == 0xE0 && byte(1) < 0xA0) return 0;  // Overlong.
  if (first == 0xED && byte(1) > 0x9F) return 0;  // A surrogate.
  if (first == 0xF0 && byte(1) < 0x90) return 0;  // Overlong.
  if (first == 0xF4 && byte(1) > 0x8F) return 0;  // Beyond U+10FFFF.
  return length;
}

}  // namespace

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

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

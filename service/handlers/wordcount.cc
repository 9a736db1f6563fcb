#include "absl/strings/ascii.h"
#include "base/json.h"
#include "handlers/built_in.h"

namespace taskforge {
namespace {

HandlerResult Wordcount(const Attempt& attempt) {
  uint64_t lines = 0;
  uint64_t words = 0;
  bool in_word = false;
  for (const char c : attempt.input().data.view()) {
    if (c == '\n') ++lines;
    const bool is_space = absl::ascii_isspace(static_cast<unsigned char>(c));
    if (!is_space && !in_word) ++words;
    in_word = !is_space;
  }
  JsonWriter json;
  json.BeginObject();
  json.Key("lines").Uint(lines).Key("words").Uint(words);
  json.Key("bytes").Uint(attempt.input().data.size()).EndObject();
  Payload output;
  output.content_type = "application/json";
  output.data = json.text();
  output.is_text = true;
  return output;
}

}  // namespace

std::unique_ptr<Handler> MakeWordcountHandler() {
  HandlerInfo info;
  info.name = "wordcount";
  info.description = "Counts lines, words and bytes, as wc does; the answer is JSON.";
  info.version = "1";
  info.input_description = "Text, or anything.";
  return std::make_unique<SyncHandler>(std::move(info), Wordcount);
}

}  // namespace taskforge

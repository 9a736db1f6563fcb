#include "handlers/flat_json.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

// Not thread-safe: it lives in one call.
class Parser {
 public:
  explicit Parser(absl::string_view text) : text_(text) {}

  absl::StatusOr<FlatJson> Parse() {
    FlatJson object;
    if (!Take('{')) return Error("expected {");
    if (!Take('}')) {
      do {
        std::string key;
        FlatJsonValue value;
        if (!TakeString(key)) return Error("expected a key in quotes");
        if (!Take(':')) return Error("expected :");
        if (!TakeValue(value)) return Error("expected a string, a number, true or false");
        if (!object.emplace(std::move(key), std::move(value)).second) return Error("key twice");
      } while (Take(','));
      if (!Take('}')) return Error("expected , or }");
    }
    SkipSpace();
    if (at_ != text_.size()) return Error("expected nothing more");
    return object;
  }

 private:
  absl::Status Error(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat("JSON, byte ", at_, ": ", what));
  }
  void SkipSpace() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }
  bool Take(char c) {
    SkipSpace();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool TakeWord(absl::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  bool TakeValue(FlatJsonValue& value) {
    SkipSpace();
    std::string string;
    if (TakeString(string)) {
      value = std::move(string);
      return true;
    }
    if (TakeWord("true")) {
      value = true;
      return true;
    }
    if (TakeWord("false")) {
      value = false;
      return true;
    }
    return TakeNumber(value);
  }

  bool TakeNumber(FlatJsonValue& value) {
    size_t end = at_;
    while (end < text_.size() &&
           (absl::ascii_isdigit(static_cast<unsigned char>(text_[end])) || text_[end] == '-' ||
            text_[end] == '+' || text_[end] == '.' || text_[end] == 'e' || text_[end] == 'E')) {
      ++end;
    }
    double number = 0;
    if (end == at_ || !absl::SimpleAtod(text_.substr(at_, end - at_), &number)) return false;
    at_ = end;
    value = number;
    return true;
  }

  bool TakeString(std::string& out) {
    if (!Take('"')) return false;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        out += c;
      } else if (!TakeEscape(out)) {
        return false;
      }
    }
    return false;
  }

  bool TakeEscape(std::string& out) {
    if (at_ == text_.size()) return false;
    const char c = text_[at_++];
    constexpr absl::string_view kNames = "\"\\/bfnrt";
    constexpr absl::string_view kBytes = "\"\\/\b\f\n\r\t";
    const size_t known = kNames.find(c);
    if (known != absl::string_view::npos) {
      out += kBytes[known];
      return true;
    }
    uint32_t code = 0;
    if (c != 'u' || text_.size() - at_ < 4) return false;
    if (!absl::SimpleHexAtoi(text_.substr(at_, 4), &code) || code >= 0x80) return false;
    at_ += 4;
    out += static_cast<char>(code);
    return true;
  }

  const absl::string_view text_;
  size_t at_ = 0;
};

}  // namespace

absl::StatusOr<FlatJson> ParseFlatJson(absl::string_view text) { return Parser(text).Parse(); }

}  // namespace taskforge

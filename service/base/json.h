// Writing JSON (RFC 8259): for logs and for the admin port. It is never read here.
#ifndef TASKFORGE_BASE_JSON_H_
#define TASKFORGE_BASE_JSON_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace taskforge {

// Appends `text` as a JSON string, quotes included. Any bytes will do: what is not valid UTF-8
// becomes U+FFFD, control characters (C0, DEL and C1) and the line separators U+2028/9 become
// escapes, so that the result is one printable line.
void AppendJsonString(absl::string_view text, std::string& out);

// Writes one JSON value from nested calls; commas are its business. In an object each value is
// preceded by Key().
// Not thread-safe.
class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(absl::string_view key);

  JsonWriter& String(absl::string_view value);
  JsonWriter& Int(int64_t value);
  JsonWriter& Uint(uint64_t value);
  // Not a number and infinities become null: JSON has none.
  JsonWriter& Double(double value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();

  // REQUIRES: everything that was opened is closed.
  const std::string& text() const { return text_; }

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  void Separate();  // Before a value: the comma, unless it is the first or follows its key.

  std::string text_;
  std::vector<bool> has_elements_;
  bool after_key_ = false;
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_JSON_H_

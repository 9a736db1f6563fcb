// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Strings of
// protobuf must be UTF-8, or clients cannot read the whole message. Thread-safe.
#ifndef TASKFORGE_BASE_UTF8_H_
#define TASKFORGE_BASE_UTF8_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace taskforge {

// The length of the sequence at the start of `text`, with its code point; 0 if there is none.
// REQUIRES: `text` is not empty.
size_t DecodeUtf8(absl::string_view text, uint32_t& code_point);

// Whether all of `text` is UTF-8.
bool IsUtf8(absl::string_view text);

}  // namespace taskforge

#endif  // TASKFORGE_BASE_UTF8_H_

// How cursors hold their numbers.
#ifndef TASKFORGE_RPC_CURSOR_NUMBER_H_
#define TASKFORGE_RPC_CURSOR_NUMBER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace taskforge {

// Eight bytes, the most significant first.
inline constexpr size_t kCursorNumberBytes = 8;

inline void AppendCursorNumber(uint64_t number, std::string& cursor) {
  for (size_t i = kCursorNumberBytes; i-- > 0;) {
    cursor.push_back(static_cast<char>(number >> (8 * i)));
  }
}

// The number that begins at byte `at`. REQUIRES: the cursor has its bytes.
inline uint64_t CursorNumberAt(absl::string_view cursor, size_t at) {
  uint64_t number = 0;
  for (const char c : cursor.substr(at, kCursorNumberBytes)) {
    number = number << 8U | static_cast<unsigned char>(c);
  }
  return number;
}

}  // namespace taskforge

#endif  // TASKFORGE_RPC_CURSOR_NUMBER_H_

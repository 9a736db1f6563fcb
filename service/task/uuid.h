// UUIDs of version 7 (RFC 9562, 5.7): 48 bits of Unix time in milliseconds, then random bits.
#ifndef TASKFORGE_TASK_UUID_H_
#define TASKFORGE_TASK_UUID_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "base/random.h"

namespace taskforge {

// 128 bits; written only when somebody asks for the text.
struct Uuid {
  static constexpr size_t kTextBytes = 36;
  using Text = std::array<char, kTextBytes>;

  // The canonical lower-case form. UUIDs of different milliseconds sort by time in it.
  Text ToText() const;
  std::string ToString() const;

  auto operator<=>(const Uuid&) const = default;

  uint64_t high = 0;
  uint64_t low = 0;
};

Uuid MakeUuidV7(absl::Time now, Random& random);

}  // namespace taskforge

#endif  // TASKFORGE_TASK_UUID_H_

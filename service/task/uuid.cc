#include "task/uuid.h"

namespace taskforge {

Uuid::Text Uuid::ToText() const {
  constexpr char kDigits[] = "0123456789abcdef";
  Text text;
  size_t at = 0;
  for (int digit = 0; digit < 32; ++digit) {
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20) text[at++] = '-';
    const uint64_t half = digit < 16 ? high : low;
    text[at++] = kDigits[(half >> (60 - 4 * (digit % 16))) & 0xF];
  }
  return text;
}

std::string Uuid::ToString() const {
  const Text text = ToText();
  return {text.data(), text.size()};
}

Uuid MakeUuidV7(absl::Time now, Random& random) {
  const uint64_t millis = static_cast<uint64_t>(absl::ToUnixMillis(now)) & 0xFFFFFFFFFFFF;
  // 48 bits of time, the version, 12 random bits; the variant, 62 random bits.
  return {.high = (millis << 16) | 0x7000 | (random.Next64() & 0xFFF),
          .low = (random.Next64() >> 2) | 0x8000000000000000};
}

}  // namespace taskforge

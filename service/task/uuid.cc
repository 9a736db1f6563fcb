#include "task/uuid.h"

#include <algorithm>

namespace taskforge {
namespace {

constexpr uint64_t kVersion = 0x7000;
constexpr uint64_t kVariant = uint64_t{1} << 63;
constexpr int kStepBits = 12;
constexpr int64_t kNanosPerMilli = 1'000'000;

}  // namespace

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

Uuid Uuid::LeastAt(absl::Time time) {
  const int64_t millis = std::max<int64_t>(absl::ToUnixMillis(time), 0);
  return {.high = static_cast<uint64_t>(millis) << 16, .low = 0};
}

Uuid MakeUuidV7(absl::Time now, Random& random) {
  const uint64_t millis = static_cast<uint64_t>(absl::ToUnixMillis(now)) & 0xFFFFFFFFFFFF;
  // 48 bits of time, the version, 12 random bits; the variant, 62 random bits.
  return {.high = (millis << 16) | kVersion | (random.Next64() & 0xFFF),
          .low = (random.Next64() >> 2) | kVariant};
}

Uuid UuidSequence::Next(absl::Time now) {
  const int64_t nanos = std::max<int64_t>(absl::ToUnixNanos(now), 0);
  const auto millis = static_cast<uint64_t>(nanos / kNanosPerMilli);
  const auto rest = static_cast<uint64_t>(nanos % kNanosPerMilli);
  const uint64_t by_clock = millis << kStepBits | (rest << kStepBits) / kNanosPerMilli;
  uint64_t last = last_.load(std::memory_order_relaxed);
  uint64_t next = 0;
  do {
    next = std::max(by_clock, last + 1);
  } while (!last_.compare_exchange_weak(last, next, std::memory_order_relaxed));
  const uint64_t time = next >> kStepBits;
  const uint64_t step = next & ((uint64_t{1} << kStepBits) - 1);
  return {.high = time << 16 | kVersion | step, .low = (random_.Next64() >> 2) | kVariant};
}

void UuidSequence::StartAfter(const Uuid& uid) {
  const uint64_t least = (uid.high >> 16) << kStepBits | (uid.high & 0xFFF);
  uint64_t last = last_.load(std::memory_order_relaxed);
  while (last < least && !last_.compare_exchange_weak(last, least, std::memory_order_relaxed)) {
  }
}

}  // namespace taskforge

#include "store/store_keys.h"

#include <algorithm>
#include <bit>

namespace taskforge {
namespace {

constexpr size_t kUidBytes = 16;
constexpr size_t kWordBytes = 8;

void AppendWord(std::string& out, uint64_t word) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(word >> shift));
}

uint64_t ReadWord(absl::string_view bytes) {
  uint64_t word = 0;
  for (size_t i = 0; i < kWordBytes; ++i) word = word << 8 | static_cast<uint8_t>(bytes[i]);
  return word;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string UidKey(const Uuid& uid) {
  std::string key;
  key.reserve(kUidBytes);
  AppendWord(key, uid.high);
  AppendWord(key, uid.low);
  return key;
}

std::optional<Uuid> ParseUidKey(absl::string_view key) {
  if (key.size() != kUidBytes) return std::nullopt;
  return Uuid{ReadWord(key), ReadWord(key.substr(kWordBytes))};
}

std::optional<Uuid> ParseUuid(absl::string_view text) {
  if (text.size() != Uuid::kTextBytes) return std::nullopt;
  Uuid uid;
  int digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int digit = HexDigit(text[i]);
    if (digit < 0) return std::nullopt;
    uint64_t& half = digits < 16 ? uid.high : uid.low;
    half = half << 4 | static_cast<uint64_t>(digit);
    ++digits;
  }
  return uid;
}

LifeClass LifeClassOf(const TaskRecord& record) {
  const absl::Time expires = record.history->expire_time;
  if (expires == absl::InfiniteFuture()) return kForever;
  const int64_t seconds =
      absl::ToInt64Seconds(absl::Ceil(expires - record.uid.time(), absl::Seconds(1)));
  const int life = std::bit_width(static_cast<uint64_t>(std::max<int64_t>(seconds, 0)));
  return static_cast<LifeClass>(std::min<int>(life, kForever));
}

absl::Time OverBefore(LifeClass life, absl::Time now) {
  if (life >= kForever) return absl::InfinitePast();
  return now - absl::Seconds(int64_t{1} << life);
}

std::string EndedKey(LifeClass life, const Uuid& uid) {
  return std::string(1, static_cast<char>(life)) + UidKey(uid);
}

std::string EndedKeyAt(LifeClass life, absl::Time time) {
  return EndedKey(life, Uuid::LeastAt(time));
}

std::string NameKey(absl::string_view ns, absl::string_view task_name) {
  std::string key(ns);
  key.push_back('\0');
  key.append(task_name.data(), task_name.size());
  return key;
}

std::string ExpiringValue(absl::Time expires, absl::string_view value) {
  std::string bytes;
  bytes.reserve(kWordBytes + value.size());
  const int64_t ms = expires == absl::InfiniteFuture() ? 0 : absl::ToUnixMillis(expires);
  AppendWord(bytes, static_cast<uint64_t>(ms));
  bytes.append(value.data(), value.size());
  return bytes;
}

std::optional<Expiring> ParseExpiring(absl::string_view bytes) {
  if (bytes.size() < kWordBytes) return std::nullopt;
  const uint64_t ms = ReadWord(bytes);
  return Expiring{ms == 0 ? absl::InfiniteFuture() : absl::FromUnixMillis(static_cast<int64_t>(ms)),
                  bytes.substr(kWordBytes)};
}

}  // namespace taskforge

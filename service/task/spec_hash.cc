#include "task/spec_hash.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace taskforge {
namespace {

// Two lanes of 64 bits, each mixed by an odd multiplier and a rotation for each word, and finished
// by SplitMix64's finaliser. Every field is preceded by its length or has a fixed one, so that
// fields can't flow into each other. Words are little-endian on every machine.
class Hasher {
 public:
  void Add(uint64_t word) {
    a_ = std::rotl((a_ ^ word) * 0x9E3779B97F4A7C15ULL, 29);
    b_ = std::rotl((b_ + word) * 0xC2B2AE3D27D4EB4FULL, 31) ^ a_;
  }
  void Add(absl::string_view text) {
    Add(static_cast<uint64_t>(text.size()));
    size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) Add(Word(text.data() + at, 8));
    if (at < text.size()) Add(Word(text.data() + at, text.size() - at));
  }
  void Add(absl::Duration duration) {
    Add(static_cast<uint64_t>(absl::ToInt64Nanoseconds(duration)));  // Infinite ones saturate.
  }
  void Add(absl::Time time) { Add(time - absl::UnixEpoch()); }
  void Add(double number) { Add(std::bit_cast<uint64_t>(number)); }

  SpecHash Finish() const { return {Mix(a_), Mix(b_ ^ (a_ >> 32))}; }

 private:
  static uint64_t Word(const char* data, size_t size) {
    uint64_t word = 0;
    std::memcpy(&word, data, size);
    return std::endian::native == std::endian::little ? word : __builtin_bswap64(word);
  }
  static uint64_t Mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  uint64_t a_ = 0x243F6A8885A308D3ULL;  // Digits of pi: no number up a sleeve.
  uint64_t b_ = 0x13198A2E03707344ULL;
};

}  // namespace

SpecHash RequestHashOf(const TaskSpec& spec) {
  const SpecHash& noted = spec.origin->request_hash;
  return noted == SpecHash() ? HashOf(spec) : noted;
}

SpecHash HashOf(const TaskSpec& spec) {
  const TaskTerms& terms = *spec.terms;
  Hasher hasher;
  hasher.Add(spec.origin->task_id);
  hasher.Add(spec.handler.view());
  hasher.Add(spec.input.content_type.view());
  hasher.Add(spec.input.data.view());
  hasher.Add(uint64_t{spec.input.is_text});
  hasher.Add(static_cast<uint64_t>(spec.priority));
  hasher.Add(static_cast<uint64_t>(spec.requested_durability));
  hasher.Add(terms.schedule_time);
  hasher.Add(terms.deadline);
  hasher.Add(terms.queue_timeout);
  hasher.Add(terms.run_timeout);
  hasher.Add(static_cast<uint64_t>(terms.retry.max_attempts));
  hasher.Add(terms.retry.min_backoff);
  hasher.Add(terms.retry.max_backoff);
  hasher.Add(terms.retry.multiplier);
  hasher.Add(terms.retry.jitter);
  hasher.Add(static_cast<uint64_t>(terms.retry.non_retryable_reasons.size()));
  for (const std::string& reason : terms.retry.non_retryable_reasons) hasher.Add(reason);
  hasher.Add(terms.result_topic);
  hasher.Add(uint64_t{terms.result_ttl.has_value()});
  hasher.Add(terms.result_ttl.value_or(absl::ZeroDuration()));
  hasher.Add(static_cast<uint64_t>(terms.labels.size()));
  for (const auto& [key, value] : terms.labels) {
    hasher.Add(key);
    hasher.Add(value);
  }
  hasher.Add(uint64_t{spec.cancel_on_disconnect});
  hasher.Add(spec.origin->retry_of);
  return hasher.Finish();
}

std::string RequestKeyOf(const TaskSpec& spec) {
  // The length keeps principal and id apart, whatever bytes they hold.
  const TaskOrigin& origin = *spec.origin;
  return absl::StrCat(origin.ns, "/", spec.queue.view(), "/", origin.principal.size(), "/",
                      origin.principal, origin.request_id);
}

}  // namespace taskforge

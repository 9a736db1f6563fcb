// UUIDs of version 7 (RFC 9562, 5.7): 48 bits of Unix time in milliseconds, then random bits.
#ifndef TASKFORGE_TASK_UUID_H_
#define TASKFORGE_TASK_UUID_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

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

  // When it was made, of version 7: to the millisecond.
  absl::Time time() const { return absl::FromUnixMillis(static_cast<int64_t>(high >> 16)); }
  // Less than every one that is made at `time` or later.
  static Uuid LeastAt(absl::Time time);

  auto operator<=>(const Uuid&) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const Uuid& uuid) {
    return H::combine(std::move(state), uuid.high, uuid.low);
  }

  uint64_t high = 0;
  uint64_t low = 0;
};

Uuid MakeUuidV7(absl::Time now, Random& random);

// UUIDs of version 7, each greater than all that it gave before: they say in which order things
// were made, also when the clock goes back. The time to 1/4096 of a millisecond stands where the
// first random bits would (RFC 9562, 6.2, method 3); if that is not later than the last one's, the
// last one's plus one step is taken. `random` must outlive it. Thread-safe.
class UuidSequence {
 public:
  explicit UuidSequence(Random& random) : random_(random) {}

  Uuid Next(absl::Time now);
  // All that it gives from now on are greater than `uid`.
  void StartAfter(const Uuid& uid);

 private:
  Random& random_;
  // Steps of 1/4096 ms since the Unix epoch, of the last one. Relaxed: each call needs a number of
  // its own that is greater than those of the calls before it, no more.
  std::atomic<uint64_t> last_{0};
};

}  // namespace taskforge

#endif  // TASKFORGE_TASK_UUID_H_

// Randomness, injected, so that a run can be repeated from its seed.
#ifndef TASKFORGE_BASE_RANDOM_H_
#define TASKFORGE_BASE_RANDOM_H_

#include <atomic>
#include <cstdint>

namespace taskforge {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next64() = 0;
  // Uniform in [0, 1).
  double NextDouble() { return static_cast<double>(Next64() >> 11) * 0x1.0p-53; }
};

// SplitMix64 (Steele, Lea, Flood, OOPSLA'14) over an atomic counter: every seed gives one sequence.
// Not for secrets. Thread-safe.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t Next64() override {
    uint64_t z =
        state_.fetch_add(0x9E3779B97F4A7C15ULL, std::memory_order_relaxed) + 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

 private:
  std::atomic<uint64_t> state_;
};

// A seed from the operating system.
uint64_t EntropySeed();

}  // namespace taskforge

#endif  // TASKFORGE_BASE_RANDOM_H_

// What tests do at the points of stress/yielding_atomics.h.
#ifndef TASKFORGE_STRESS_YIELD_HOOKS_H_
#define TASKFORGE_STRESS_YIELD_HOOKS_H_

#include <sched.h>

#include <cstdint>
#include <functional>
#include <utility>

namespace taskforge {

// By a seed for each thread: dawdles at one point of four, and gives the processor away at one of
// sixteen, up to a budget: on a busy machine each of those may cost milliseconds. Thread-safe.
class SeededYield {
 public:
  static void Seed(uint64_t seed) {
    state_ = seed * 0x9E3779B97F4A7C15ULL + 1;
    budget_ = 25;
  }
  static void At() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    if (state_ % 4 != 0) return;
    if (state_ % 16 == 0 && budget_ > 0) {
      --budget_;
      sched_yield();
      return;
    }
    for (volatile uint64_t spin = state_ >> 56; spin > 0;) spin = spin - 1;
  }

 private:
  static inline thread_local uint64_t state_ = 1;
  static inline thread_local int budget_ = 0;
};

// Forces one interleaving: at the n-th point from now this thread runs `other`, as if it had been
// preempted there and another thread had done it meanwhile. Exact and repeatable in every build.
// Thread-safe.
class ScriptedYield {
 public:
  static void Interrupt(int points, std::function<void()> other) {
    left_ = points;
    other_ = std::move(other);
  }
  static void At() {
    if (left_ == 0 || --left_ > 0) return;
    const std::function<void()> other = std::exchange(other_, nullptr);
    other();
  }
  // Whether the interruption came. Forgets it otherwise.
  static bool Done() { return std::exchange(left_, 0) == 0; }

 private:
  static inline thread_local int left_ = 0;
  static inline thread_local std::function<void()> other_;
};

}  // namespace taskforge

#endif  // TASKFORGE_STRESS_YIELD_HOOKS_H_

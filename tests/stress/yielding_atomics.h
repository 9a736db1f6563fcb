// A policy (sync/atomics.h) that puts a point before each access to an atomic word: there a test
// takes the processor away by a seed, or lets another thread in (stress/yield_hooks.h).
#ifndef TASKFORGE_STRESS_YIELDING_ATOMICS_H_
#define TASKFORGE_STRESS_YIELDING_ATOMICS_H_

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "base/futex.h"
#include "sync/async_state_inl.h"
#include "sync/atomics.h"
#include "sync/epoch_inl.h"

namespace taskforge {

// Yield::At() is called at each point. Thread-safe if that is.
template <typename Yield>
struct YieldingAtomics : StdAtomics {
  template <typename T>
  class Atomic {
   public:
    Atomic() = default;
    Atomic(T value) : word_(value) {}  // NOLINT(google-explicit-constructor): as std::atomic.

    T load(std::memory_order order = std::memory_order_seq_cst) const {
      Yield::At();
      return word_.load(order);
    }
    void store(T value, std::memory_order order = std::memory_order_seq_cst) {
      Yield::At();
      word_.store(value, order);
    }
    T exchange(T value, std::memory_order order = std::memory_order_seq_cst) {
      Yield::At();
      return word_.exchange(value, order);
    }
    T fetch_add(T value, std::memory_order order = std::memory_order_seq_cst) {
      Yield::At();
      return word_.fetch_add(value, order);
    }
    T fetch_sub(T value, std::memory_order order = std::memory_order_seq_cst) {
      Yield::At();
      return word_.fetch_sub(value, order);
    }
    template <typename... Orders>
    bool compare_exchange_weak(T& expected, T value, Orders... orders) {
      Yield::At();
      return word_.compare_exchange_weak(expected, value, orders...);
    }
    template <typename... Orders>
    bool compare_exchange_strong(T& expected, T value, Orders... orders) {
      Yield::At();
      return word_.compare_exchange_strong(expected, value, orders...);
    }

   private:
    friend struct YieldingAtomics;
    std::atomic<T> word_{};
  };

  static bool Wait(Atomic<uint32_t>& word, uint32_t expected, MonoTime deadline) {
    Yield::At();
    return FutexWait(word.word_, expected, deadline);
  }
  static void Wake(Atomic<uint32_t>& word, int count) {
    Yield::At();
    FutexWake(word.word_, count);
  }
};

}  // namespace taskforge

#endif  // TASKFORGE_STRESS_YIELDING_ATOMICS_H_

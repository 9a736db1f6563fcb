// A small dense number for each living thread, so that counters can be written without sharing.
#ifndef TASKFORGE_BASE_THREAD_SLOT_H_
#define TASKFORGE_BASE_THREAD_SLOT_H_

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace taskforge {

// Slots 0 to kThreadSlots - 1 belong to one thread each, from its first use of ThreadSlot() until
// it exits; then another thread may get the number. Threads that find none free share slot
// kThreadSlots, the overflow slot.
inline constexpr size_t kThreadSlots = 64;

namespace thread_slot_internal {

// A mutable global, one of two (the other is where gRPC's library logs to): a bit for each slot
// that is taken. It holds no behaviour.
inline std::atomic<uint64_t> taken_slots{0};

// Takes a slot for the thread that it lives in.
class Holder {
 public:
  Holder() {
    uint64_t taken = taken_slots.load(std::memory_order_relaxed);
    while (taken != UINT64_MAX) {
      const int free = std::countr_one(taken);
      // acquire: pairs with the release below; what the slot's last thread wrote comes before.
      if (taken_slots.compare_exchange_weak(taken, taken | (uint64_t{1} << free),
                                            std::memory_order_acquire, std::memory_order_relaxed)) {
        slot_ = static_cast<size_t>(free);
        return;
      }
    }
  }
  ~Holder() {
    if (slot_ == kThreadSlots) return;
    // release: pairs with the acquire above.
    taken_slots.fetch_and(~(uint64_t{1} << slot_), std::memory_order_release);
    slot_ = kThreadSlots;  // Destructors of this thread that run later still may count.
  }
  size_t slot() const { return slot_; }

 private:
  size_t slot_ = kThreadSlots;
};

}  // namespace thread_slot_internal

// The calling thread's slot. About 1 ns. Thread-safe.
inline size_t ThreadSlot() {
  thread_local thread_slot_internal::Holder holder;
  return holder.slot();
}

}  // namespace taskforge

#endif  // TASKFORGE_BASE_THREAD_SLOT_H_

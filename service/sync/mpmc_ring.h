// A bounded first-in, first-out ring for many producers and many consumers.
//
// Source: D. Vyukov, "Bounded MPMC queue" (1024cores.net): each slot carries a sequence number that
// says whose turn it is, so that a push and a pop cost one compare-and-swap each.
//
// What it promises, truthfully: no operation takes a lock or waits for another, but it is not
// lock-free in the strict sense. A producer that is preempted between claiming a slot and publishing
// it holds up everything behind that slot; TryPop then says CONTENDED, never EMPTY. First in, first
// out is in the order of the claims.
//
// Why no packaged library: moodycamel's queue keeps order per producer only and may say "empty" when
// it is not, so no waiting bound can be proved on it; Boost.Lockfree and TBB lose to a mutex under
// contention on the machines this was written for.
#ifndef TASKFORGE_SYNC_MPMC_RING_H_
#define TASKFORGE_SYNC_MPMC_RING_H_

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace taskforge {

enum class RingPop {
  kTaken,
  kEmpty,
  kContended,  // Something is there, and its producer has not published it yet.
};

// Thread-safe.
template <typename T>
class MpmcRing {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  // Rounded up to a power of two, at least 2.
  explicit MpmcRing(size_t capacity)
      : mask_(std::bit_ceil(capacity < 2 ? size_t{2} : capacity) - 1),
        slots_(std::make_unique<Slot[]>(mask_ + 1)) {
    for (size_t i = 0; i <= mask_; ++i) slots_[i].turn.store(i, std::memory_order_relaxed);
  }
  MpmcRing(const MpmcRing&) = delete;
  MpmcRing& operator=(const MpmcRing&) = delete;

  size_t capacity() const { return mask_ + 1; }

  // False when it is full.
  bool TryPush(T value) {
    uint64_t tail = tail_.load(std::memory_order_relaxed);
    while (true) {
      Slot& slot = slots_[tail & mask_];
      // acquire: pairs with the release in TryPop; the slot's old value has been read.
      const uint64_t turn = slot.turn.load(std::memory_order_acquire);
      if (turn == tail) {
        // seq_cst: a consumer that looks at tail_ after its own seq_cst step sees this claim.
        if (tail_.compare_exchange_weak(tail, tail + 1, std::memory_order_seq_cst,
                                        std::memory_order_relaxed)) {
          slot.value = value;
          // release: pairs with the acquire in TryPop; publishes the value.
          slot.turn.store(tail + 1, std::memory_order_release);
          return true;
        }
      } else if (static_cast<int64_t>(turn - tail) < 0) {
        return false;
      } else {
        tail = tail_.load(std::memory_order_relaxed);
      }
    }
  }

  RingPop TryPop(T& value) {
    uint64_t head = head_.load(std::memory_order_relaxed);
    while (true) {
      Slot& slot = slots_[head & mask_];
      // acquire: pairs with the release in TryPush; the value is there.
      const uint64_t turn = slot.turn.load(std::memory_order_acquire);
      if (turn == head + 1) {
        if (head_.compare_exchange_weak(head, head + 1, std::memory_order_seq_cst,
                                        std::memory_order_relaxed)) {
          value = slot.value;
          // release: pairs with the acquire in TryPush of the next lap.
          slot.turn.store(head + mask_ + 1, std::memory_order_release);
          return RingPop::kTaken;
        }
      } else if (static_cast<int64_t>(turn - (head + 1)) < 0) {
        // Not published: empty, unless somebody has claimed the slot. seq_cst: see TryPush.
        const uint64_t tail = tail_.load(std::memory_order_seq_cst);
        if (static_cast<int64_t>(tail - head) > 0) {
          // Claimed, or popped meanwhile by another consumer.
          const uint64_t now = head_.load(std::memory_order_relaxed);
          if (now == head) return RingPop::kContended;
          head = now;
        } else {
          return RingPop::kEmpty;
        }
      } else {
        head = head_.load(std::memory_order_relaxed);
      }
    }
  }

  // Claimed and not popped, at some time during the call.
  size_t SizeApprox() const {
    const uint64_t head = head_.load(std::memory_order_seq_cst);
    const uint64_t tail = tail_.load(std::memory_order_seq_cst);
    return tail > head ? static_cast<size_t>(tail - head) : 0;
  }

 private:
  struct Slot {
    std::atomic<uint64_t> turn;
    T value;
  };

  // Constant after construction.
  const size_t mask_;
  const std::unique_ptr<Slot[]> slots_;

  // A cache line each: producers write one, consumers the other.
  alignas(64) std::atomic<uint64_t> tail_{0};
  alignas(64) std::atomic<uint64_t> head_{0};
};

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_MPMC_RING_H_

// A bounded first-in, first-out queue of many producers and many consumers.
//
// After D. Vyukov's bounded MPMC queue (1024cores.net): an array of cells, each with a sequence
// number that says whose turn it is. One compare-and-swap a push, one a pop, no allocation.
//
// It is not lock-free in the strict sense. A producer that is preempted between claiming a cell and
// publishing it hides the cells behind it until it runs again; TryPop() then says kContended, never
// kEmpty. A consumer that is preempted between claiming a cell and handing it back stops the
// producer that comes to the same cell one lap later; TryPush() waits for it.
//
// Why not a packaged queue: those at hand either give up first-in, first-out across producers
// (moodycamel), or cannot tell empty from contended (boost::lockfree), and the waking protocols of
// the pool and the bus stand on both.
#ifndef TASKFORGE_SYNC_MPMC_RING_H_
#define TASKFORGE_SYNC_MPMC_RING_H_

#include <sched.h>

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace taskforge {

enum class PopResult {
  kTaken,      // An element was taken.
  kEmpty,      // At one instant of the call the ring held nothing, published or claimed.
  kContended,  // The oldest element is claimed by a producer that has not published it yet.
};

// Each operation takes effect at one instant between its call and its return, and those instants
// have one total order (linearizable). Elements leave in the order in which their cells were
// claimed; so two pushes of one thread, or two that otherwise follow one another, keep their order.
//
// Memory order, for those who build waking upon it: a push happens before the pop that takes its
// element. And if a producer pushes and then does an atomic read-modify-write of some word W
// (acquire-release or stronger), and a consumer does a read-modify-write of W and then pops, one of
// the two sees the other: either the producer's RMW reads what the consumer wrote, or the
// consumer's pop sees the push (it returns kTaken or kContended unless others took the element).
// Two RMWs of one word are totally ordered and the later synchronizes with the earlier; no fence is
// needed. A plain load of W in place of either RMW loses this.
//
// Thread-safe.
template <typename T>
class MpmcRing {
  static_assert(std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T>);

 public:
  // Holds `min_capacity` elements at least: the capacity is the next power of two, and at least 2.
  explicit MpmcRing(size_t min_capacity)
      : mask_(std::bit_ceil(min_capacity < 2 ? size_t{2} : min_capacity) - 1),
        cells_(std::make_unique<Cell[]>(mask_ + 1)) {
    for (size_t i = 0; i <= mask_; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
  }
  MpmcRing(const MpmcRing&) = delete;
  MpmcRing& operator=(const MpmcRing&) = delete;

  // Appends `value`. Returns false only when the ring held capacity() elements at one instant of
  // the call. Whoever counts his elements and never holds more than capacity() cannot be refused.
  bool TryPush(T value) {
    size_t position = tail_.load(std::memory_order_seq_cst);
    for (int spins = 0;;) {
      Cell& cell = cells_[position & mask_];
      // acquire: pairs with the release in TryPop(); the last reader of the cell is done.
      const size_t turn = cell.turn.load(std::memory_order_acquire);
      if (turn == position) {
        if (tail_.compare_exchange_weak(position, position + 1, std::memory_order_seq_cst)) {
          cell.value = value;
          // release: pairs with the acquire in TryPop(); publishes the value.
          cell.turn.store(position + 1, std::memory_order_release);
          return true;
        }
        continue;  // The failed exchange has read the new tail.
      }
      if (Distance(position, turn) > 0) {
        const size_t head = head_.load(std::memory_order_seq_cst);
        if (Distance(position, head) >= static_cast<intptr_t>(capacity())) return false;
        // The element of the last lap is claimed by a consumer that still reads it.
        Relax(spins++);
      }
      position = tail_.load(std::memory_order_seq_cst);
    }
  }

  // Takes the oldest element into `value`, which is left alone unless the result is kTaken.
  // Never waits.
  PopResult TryPop(T& value) {
    size_t position = head_.load(std::memory_order_seq_cst);
    for (;;) {
      Cell& cell = cells_[position & mask_];
      // acquire: pairs with the release in TryPush(); the value is visible.
      const size_t turn = cell.turn.load(std::memory_order_acquire);
      if (turn == position + 1) {
        if (head_.compare_exchange_weak(position, position + 1, std::memory_order_seq_cst)) {
          value = cell.value;
          // release: pairs with the acquire in TryPush(); the cell may be written again.
          cell.turn.store(position + capacity(), std::memory_order_release);
          return PopResult::kTaken;
        }
        continue;  // The failed exchange has read the new head.
      }
      if (Distance(position + 1, turn) > 0) {
        // head <= tail always; so tail == position means that head had not moved either.
        if (tail_.load(std::memory_order_seq_cst) == position) return PopResult::kEmpty;
        const size_t head = head_.load(std::memory_order_seq_cst);
        // Look at the cell again: it may have been published between the two looks.
        if (head == position && cell.turn.load(std::memory_order_acquire) != position + 1) {
          return PopResult::kContended;
        }
        position = head;
        continue;
      }
      position = head_.load(std::memory_order_seq_cst);
    }
  }

  // Elements, published or claimed; exact when nobody else is at work.
  size_t SizeApprox() const {
    const size_t head = head_.load(std::memory_order_seq_cst);
    const intptr_t size = Distance(tail_.load(std::memory_order_seq_cst), head);
    if (size < 0) return 0;
    return size > static_cast<intptr_t>(capacity()) ? capacity() : static_cast<size_t>(size);
  }

  size_t capacity() const { return mask_ + 1; }

 private:
  struct Cell {
    // p: free for the push at position p. p + 1: holds the element of position p.
    std::atomic<size_t> turn;
    T value;
  };

  // a - b, right across the wrap of the positions.
  static intptr_t Distance(size_t a, size_t b) { return static_cast<intptr_t>(a - b); }

  // The one that we wait for may want this processor.
  static void Relax(int spins) {
    if (spins >= 16) sched_yield();
  }

  // Constant after construction.
  const size_t mask_;
  const std::unique_ptr<Cell[]> cells_;

  // Each side writes its own cache line; nothing else shares them.
  alignas(64) std::atomic<size_t> tail_{0};  // The next position to claim for a push.
  alignas(64) std::atomic<size_t> head_{0};  // The next position to claim for a pop.
};

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_MPMC_RING_H_

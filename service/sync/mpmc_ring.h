// A bounded first-in, first-out queue of many producers and many consumers.
//
// After D. Vyukov's bounded MPMC queue (1024cores.net): an array of cells, each with a number that
// says which element it holds. It differs in one point: a consumer reads the cell before it claims
// it, so a cell is handed back by the claim itself and consumers never write cells. That saves a
// cache line's way back for each element, and a consumer that is preempted holds nobody up. One
// compare-and-swap a push, one a pop, no allocation.
//
// It is not lock-free in the strict sense: a producer that is preempted between claiming a cell and
// publishing it hides the cells behind it until it runs again; TryPop() then says kContended, never
// kEmpty.
//
// Why not a packaged queue: those at hand either give up first-in, first-out across producers
// (moodycamel), or cannot tell empty from contended (boost::lockfree), and the waking protocols of
// the pool and the bus stand on both.
#ifndef TASKFORGE_SYNC_MPMC_RING_H_
#define TASKFORGE_SYNC_MPMC_RING_H_

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "sync/atomics.h"

namespace taskforge {

// a - b of two positions, right across the wrap.
constexpr intptr_t PositionDistance(size_t a, size_t b) { return static_cast<intptr_t>(a - b); }

// The cells alone, for owners that keep the two ends themselves: `tail`, the next position to
// push at, and `head`, the next to pop from.
//
// Rules that make it right. A position is claimed for a push by advancing the tail, by one thread,
// and only once the head has passed the position one lap before it (acquire). It is claimed for a
// pop by a compare-and-swap of the head (release) from exactly this position, by a thread that has
// Peek()ed it before. Then a value that was peeked and overwritten meanwhile is never used: its
// compare-and-swap fails, because the head had moved on before the cell could be written again.
// Thread-safe.
template <typename T, typename Atomics = StdAtomics>
class RingCells {
  static_assert(std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T>);
  static_assert(std::atomic<T>::is_always_lock_free, "peeked while it is overwritten");

 public:
  // As many cells as the next power of two; at least 2.
  explicit RingCells(size_t min_capacity)
      : mask_(std::bit_ceil(min_capacity < 2 ? size_t{2} : min_capacity) - 1),
        cells_(std::make_unique<Cell[]>(mask_ + 1)) {}
  RingCells(const RingCells&) = delete;
  RingCells& operator=(const RingCells&) = delete;

  size_t capacity() const { return mask_ + 1; }

  // REQUIRES: the position was claimed by the caller.
  void Publish(size_t position, T value) {
    Cell& cell = cells_[position & mask_];
    cell.value.store(value, std::memory_order_relaxed);
    // release: pairs with the acquire in Peek(); publishes the value and what it points to.
    cell.holds.store(position + 1, std::memory_order_release);
  }
  // Whether the element of `position` has been published, and not been overwritten long since; then
  // `value` is it if the compare-and-swap of the head from `position` succeeds.
  bool Peek(size_t position, T& value) const {
    const Cell& cell = cells_[position & mask_];
    // acquire: pairs with the release in Publish().
    if (cell.holds.load(std::memory_order_acquire) != position + 1) return false;
    value = cell.value.load(std::memory_order_relaxed);
    return true;
  }
  // Whether Peek() would find it.
  bool IsPublished(size_t position) const {
    // acquire: as in Peek().
    return cells_[position & mask_].holds.load(std::memory_order_acquire) == position + 1;
  }

 private:
  struct Cell {
    // p + 1: the element of position p. 0: none yet.
    typename Atomics::template Atomic<size_t> holds{0};
    typename Atomics::template Atomic<T> value{};
  };

  // Constant after construction.
  const size_t mask_;
  const std::unique_ptr<Cell[]> cells_;
};

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
// element, and what came before that pop happens before what follows a push that uses the cell
// again. The ends change by sequentially consistent read-modify-writes, and the looks at them
// that decide kEmpty are sequentially consistent. So if a producer pushes and then reads some word
// W, and a consumer writes W and then pops, all of it sequentially consistent, one of the two sees
// the other: either the producer reads what the consumer wrote, or the pop sees the push (it
// returns kTaken or kContended unless others took the element).
//
// Thread-safe.
template <typename T, typename Atomics = StdAtomics>
class MpmcRing {
 public:
  // Holds `min_capacity` elements at least: the capacity is the next power of two, and at least 2.
  explicit MpmcRing(size_t min_capacity) : cells_(min_capacity) {}
  MpmcRing(const MpmcRing&) = delete;
  MpmcRing& operator=(const MpmcRing&) = delete;

  // Appends `value`. Returns false only when the ring held capacity() elements at one instant of
  // the call. Whoever counts his elements and never holds more than capacity() cannot be refused.
  bool TryPush(T value) {
    size_t position = tail_.load(std::memory_order_seq_cst);
    for (;;) {
      // acquire: pairs with the release below; what the head has passed may be overwritten.
      size_t seen = head_seen_.load(std::memory_order_acquire);
      if (PositionDistance(position, seen) >= static_cast<intptr_t>(capacity())) {
        seen = head_.load(std::memory_order_seq_cst);
        head_seen_.store(seen, std::memory_order_release);
        if (PositionDistance(position, seen) >= static_cast<intptr_t>(capacity())) {
          const size_t tail = tail_.load(std::memory_order_seq_cst);
          if (tail == position) return false;
          position = tail;
          continue;
        }
      }
      if (tail_.compare_exchange_weak(position, position + 1, std::memory_order_seq_cst)) break;
    }
    cells_.Publish(position, value);
    return true;
  }

  // Takes the oldest element into `value`, which is left alone unless the result is kTaken.
  // Never waits.
  PopResult TryPop(T& value) {
    size_t position = head_.load(std::memory_order_seq_cst);
    for (;;) {
      T oldest;
      if (cells_.Peek(position, oldest)) {
        if (head_.compare_exchange_weak(position, position + 1, std::memory_order_seq_cst)) {
          value = oldest;
          return PopResult::kTaken;
        }
        continue;  // The failed exchange has read the new head.
      }
      // head <= tail always; so tail == position means that head had not moved either.
      if (tail_.load(std::memory_order_seq_cst) == position) return PopResult::kEmpty;
      const size_t head = head_.load(std::memory_order_seq_cst);
      // Look at the cell again: it may have been published between the two looks.
      if (head == position && !cells_.IsPublished(position)) return PopResult::kContended;
      position = head;
    }
  }

  // Elements, published or claimed; exact when nobody else is at work.
  size_t SizeApprox() const {
    const size_t head = head_.load(std::memory_order_seq_cst);
    const intptr_t size = PositionDistance(tail_.load(std::memory_order_seq_cst), head);
    if (size < 0) return 0;
    return size > static_cast<intptr_t>(capacity()) ? capacity() : static_cast<size_t>(size);
  }

  size_t capacity() const { return cells_.capacity(); }

 private:
  using Position = typename Atomics::template Atomic<size_t>;

  RingCells<T, Atomics> cells_;

  // Each side writes its own cache line; nothing else shares them.
  alignas(64) Position tail_{0};
  Position head_seen_{0};  // Some earlier value of the head: producers' own copy.
  alignas(64) Position head_{0};
};

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_MPMC_RING_H_

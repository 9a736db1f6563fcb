// Which queues are paused, and how many there are: what the lanes ask of the queues, by index.
#ifndef TASKFORGE_QUEUES_QUEUE_GATES_H_
#define TASKFORGE_QUEUES_QUEUE_GATES_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "queues/queue_options.h"

namespace taskforge {

// A gate is paused; or it is open; or, between these, it is opening: then tasks leave the lanes
// again, but none passes by those that wait there, which the lanes have yet to count.
//
// An index is below kMaxQueues; a queue of another name may have it once the queue is empty and
// gone. seq_cst throughout: whoever changes a gate and then takes a lane's lock, and whoever takes
// that lock and then asks, cannot both miss each other. Thread-safe.
class QueueGates {
 public:
  // Names one change of one gate.
  using Change = uint32_t;

  bool IsPaused(size_t queue) const { return StateOf(gates_[queue].load()) == kPaused; }
  // Neither paused nor opening.
  bool IsOpen(size_t queue) const { return StateOf(gates_[queue].load()) == kOpen; }

  // Not to be called by two threads at once for one queue.
  Change Pause(size_t queue) { return Set(queue, kPaused); }
  Change BeginToOpen(size_t queue) { return Set(queue, kOpening); }
  // After every lane has been told of that change. Does nothing if another has come since.
  void Open(size_t queue, Change opening) {
    gates_[queue].compare_exchange_strong(opening, opening - kOpening + kOpen);
  }

  // How many queues there are now: for bounds. Relaxed: it stands alone.
  size_t count() const { return count_.load(std::memory_order_relaxed); }
  void SetCount(size_t count) { count_.store(count, std::memory_order_relaxed); }

 private:
  // The two lowest bits; above them the changes are counted.
  enum State : uint32_t { kOpen, kOpening, kPaused, kStates = 4 };

  static State StateOf(uint32_t gate) { return static_cast<State>(gate % kStates); }
  Change Set(size_t queue, State state) {
    const Change change = (gates_[queue].load() / kStates + 1) * kStates + state;
    gates_[queue].store(change);
    return change;
  }

  std::array<std::atomic<uint32_t>, kMaxQueues> gates_{};
  std::atomic<size_t> count_{1};
};

}  // namespace taskforge

#endif  // TASKFORGE_QUEUES_QUEUE_GATES_H_

// The pool of a simulated server: seats without threads, which start work when a simulation says
// so.
#ifndef TASKFORGE_SIMULATION_VIRTUAL_POOL_H_
#define TASKFORGE_SIMULATION_VIRTUAL_POOL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/clock.h"
#include "queues/release_target.h"
#include "queues/task_queues.h"
#include "task/task.h"

namespace taskforge {

// Keeps the contract of ReleaseTarget to the letter: a seat asks the queues for more only when the
// layer has fallen below half, and for each empty layer before it sleeps; and only work that is
// released wakes one. So what the queues leave behind stays there, and is found at the end.
// Not thread-safe.
class VirtualPool final : public ReleaseTarget {
 public:
  // `clock` must outlive it.
  VirtualPool(size_t seats, const Clock& clock) : seats_(seats), clock_(clock) {}
  ~VirtualPool() override { Clear(); }

  // REQUIRES: before the first Dispatch.
  void SetQueues(TaskQueues* queues) { queues_ = queues; }

  bool TryRelease(Work& work) override {
    std::deque<Work*>& layer = layers_[Index(work.priority)];
    if (is_closed_ || layer.size() >= ReleaseLimit()) return false;
    layer.push_back(&work);
    return true;
  }
  size_t Released(Priority priority) const override { return layers_[Index(priority)].size(); }
  size_t ReleaseLimit() const override { return 2 * seats_; }
  uint64_t DispatchCount(Priority) const override { return dispatches_; }

  bool CanDispatch() const { return busy_ < seats_ && Top(true) != nullptr; }
  // Starts the most urgent work, or, as a slot that is due to it does, the least urgent.
  // REQUIRES: CanDispatch().
  void DispatchOne(bool most_urgent) {
    std::deque<Work*>& layer = *Top(most_urgent);
    Work& work = *layer.front();
    const Priority priority = work.priority;
    layer.pop_front();
    if (layer.size() < ReleaseLimit() / 2) queues_->Refill(priority);
    Dispatch dispatch;
    dispatch.started = clock_.Monotonic();
    dispatch.number = dispatches_ + 1;
    dispatch.counted = dispatches_ + 1;
    dispatch.seats = static_cast<uint32_t>(seats_);
    dispatch.seat = static_cast<int>(busy_);
    ++busy_;  // Whoever runs it may keep the seat: KeepSeat().
    keeps_seat_ = false;
    starting_ = priority;
    if (work.run(work, dispatch)) ++dispatches_;
    starting_.reset();
    if (!keeps_seat_) LeaveSeat();
  }
  // Called by the work that is being started: it has begun.
  void HasStarted() { starting_.reset(); }
  // How many of the priority are neither released any more nor have begun: 0 or 1.
  size_t Starting(Priority priority) const { return starting_ == priority ? 1 : 0; }
  // The same: it leaves its seat later.
  void KeepSeat() { keeps_seat_ = true; }
  // A seat is free: it looks for work, and asks for more before it sleeps.
  void LeaveSeat() {
    --busy_;
    for (const Priority priority : kPriorities) {
      if (layers_[Index(priority)].empty() && !is_closed_) queues_->Refill(priority);
    }
  }

  // Takes nothing any more, and lets go what it has.
  void Clear() {
    is_closed_ = true;
    for (std::deque<Work*>& layer : layers_) {
      for (Work* const work : layer) (void)Task::AdoptReleased(*work);
      layer.clear();
    }
  }

 private:
  std::deque<Work*>* Top(bool most_urgent) {
    return const_cast<std::deque<Work*>*>(  // NOLINT: the same for both kinds of callers.
        static_cast<const VirtualPool*>(this)->Top(most_urgent));
  }
  const std::deque<Work*>* Top(bool most_urgent) const {
    for (size_t i = 0; i < kPriorityCount; ++i) {
      const auto& layer = layers_[most_urgent ? kPriorityCount - 1 - i : i];
      if (!layer.empty()) return &layer;
    }
    return nullptr;
  }

  const size_t seats_;
  const Clock& clock_;
  TaskQueues* queues_ = nullptr;
  std::array<std::deque<Work*>, kPriorityCount> layers_;
  size_t busy_ = 0;
  uint64_t dispatches_ = 0;
  bool keeps_seat_ = false;
  std::optional<Priority> starting_;
  bool is_closed_ = false;
};

}  // namespace taskforge

#endif  // TASKFORGE_SIMULATION_VIRTUAL_POOL_H_

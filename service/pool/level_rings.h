// Where work waits inside the pool: one first-in-first-out ring a priority, and the count of
// places.
#ifndef TASKFORGE_POOL_LEVEL_RINGS_H_
#define TASKFORGE_POOL_LEVEL_RINGS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "sync/mpmc_ring.h"
#include "task/priority.h"
#include "task/work.h"

namespace taskforge {

// Which limit a waiting entry counts against.
enum class Place : uintptr_t {
  kOrdinary = 0,  // PoolOptions::capacity.
  kReleased = 1,  // Released by the queues: twice the threads, for each priority.
  kReserved = 2,  // Preallocated nodes: their owners see to it that they are few enough.
};

// Places are taken before the push and freed after the pop, so an entry is counted once and never
// missed. The rings are larger than all places together. Lock-free, but for this: a push or a pop
// whose thread was preempted in the middle can hold others up that come round to the same slot
// (sync/mpmc_ring.h). Thread-safe.
class LevelRings {
 public:
  struct Entry {
    Work* work = nullptr;
    Place place = Place::kOrdinary;
    // Nothing was taken, because the first entry is claimed but not yet published.
    bool contended = false;
  };

  LevelRings(size_t capacity, size_t capacity_limit, size_t released_limit, size_t reserved);

  // False: no place. The work is not touched then.
  bool TryPushOrdinary(Work& work);
  bool TryPushReleased(Work& work);
  // REQUIRES: at most `reserved` such entries wait at once.
  void PushReserved(Work& work);

  // Takes the first entry; `work` is null if there is none, or if it is contended.
  Entry Pop(Priority priority);

  void SetCapacity(size_t capacity) { capacity_.store(capacity); }
  // How many released entries each priority may hold.
  void SetReleasedLimit(size_t limit) { released_limit_.store(limit); }

  size_t capacity() const { return capacity_.load(std::memory_order_relaxed); }
  size_t ordinary() const { return ordinary_.load(std::memory_order_relaxed); }
  size_t released(Priority priority) const { return released_[priority].count.load(); }
  size_t released_limit() const { return released_limit_.load(std::memory_order_relaxed); }
  // Never zero if an entry was published before the last read-modify-write that this thread saw.
  size_t size(Priority priority) const { return rings_[Index(priority)]->SizeApprox(); }
  bool empty() const;

 private:
  struct alignas(64) Count {  // Own lines: priorities are used by different threads.
    std::atomic<size_t> count{0};
  };

  void Push(Work& work, Place place);

  std::array<std::unique_ptr<MpmcRing<uintptr_t>>, kPriorityCount> rings_;
  std::atomic<size_t> capacity_;
  std::atomic<size_t> released_limit_;
  alignas(64) std::atomic<size_t> ordinary_{0};  // Own line: written by every submission.
  PerPriority<Count> released_;
};

}  // namespace taskforge

#endif  // TASKFORGE_POOL_LEVEL_RINGS_H_

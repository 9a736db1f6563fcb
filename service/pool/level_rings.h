// Where work waits inside the pool: one first-in-first-out ring a priority, and the count of
// places.
#ifndef TASKFORGE_POOL_LEVEL_RINGS_H_
#define TASKFORGE_POOL_LEVEL_RINGS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/types/span.h"
#include "pool/options.h"
#include "pool/take_end.h"
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
// missed, and the rings are larger than all places together: a push never waits. The ends of the
// four rings that submitters move lie together on one cache line, the ends that workers move on
// another (take_end.h). Lock-free, but for this: a push whose thread was preempted in the middle
// hides what was pushed behind it in its priority (sync/mpmc_ring.h). Thread-safe.
class LevelRings {
 public:
  struct Entry {
    Work* work = nullptr;
    Place place = Place::kOrdinary;
    // Who found no place before may find one now: one came back, or seemed taken meanwhile.
    bool may_free_place = false;
  };

  // `end` outlives the rings.
  LevelRings(size_t capacity, size_t capacity_limit, size_t released_limit, size_t reserved,
             TakeEnd& end);

  // False: no place for its priority. The work is not touched then.
  bool TryPushOrdinary(Work& work);
  // The same for many, in their order: returns how many found a place, counted from the front; what
  // stands behind one that found none is not looked at.
  size_t TryPushOrdinary(absl::Span<Work* const> batch);
  bool TryPushReleased(Work& work);
  // REQUIRES: at most `reserved` such entries wait at once.
  void PushReserved(Work& work);

  // Takes the first entry; `work` is null if there is none that is published.
  Entry Pop(Priority priority);

  // Whether Pop() would have found something.
  bool HasPublished(Priority priority) const {
    return rings_[Index(priority)]->IsPublished(out_.heads[priority].load());
  }

  // While another thread changes it too, either may win, for each priority.
  void SetCapacity(size_t capacity, const ReservedCapacity& reserved = {});
  // How many released entries each priority may hold.
  void SetReleasedLimit(size_t limit) { released_limit_.store(limit); }

  // How many ordinary entries may wait, of all priorities together, for one of `priority` to find a
  // place; that of Critical is the capacity.
  size_t limit(Priority priority) const {
    return limits_[priority].load(std::memory_order_relaxed);
  }
  size_t capacity() const { return limit(Priority::kCritical); }
  // Whether places are kept for more urgent work.
  bool has_reserves() const { return limit(Priority::kLow) != capacity(); }
  size_t released(Priority priority) const { return released_[priority].count.load(); }
  size_t released_limit() const { return released_limit_.load(std::memory_order_relaxed); }
  // Entries that wait, published or claimed by a push that goes on. Sequentially consistent: a push
  // that is followed by a look at some word, and a change of that word that is followed by this, do
  // not both miss each other. Writes to it come from submitters: not for each dispatch.
  size_t size(Priority priority) const;
  bool empty() const;
  // Pushed since the start; counted before it can be taken.
  uint64_t pushed(Priority priority) const { return in_.tails[priority].load(); }

 private:
  // What submitters write.
  struct alignas(64) PushEnd {
    PerPriority<std::atomic<size_t>> tails{};  // The next position to push at.
    std::atomic<size_t> places_in{0};          // Places under the capacity that were taken.
    // Some earlier value of the places that came back: their line is looked at only when the
    // capacity seems to be used up.
    std::atomic<size_t> places_out_seen{0};
  };
  struct alignas(64) Count {  // Own lines: priorities are used by different threads.
    std::atomic<size_t> count{0};
  };

  // Takes up to `wanted` places; returns how many. `fitting` tells how many there may be more, with
  // so many in use.
  template <typename Fitting>
  size_t TakePlaces(size_t wanted, Fitting fitting);
  void Push(Work& work, Place place);

  std::array<std::unique_ptr<RingCells<uintptr_t>>, kPriorityCount> rings_;
  TakeEnd& out_;
  PerPriority<std::atomic<size_t>> limits_;
  std::atomic<size_t> released_limit_;
  PushEnd in_;
  PerPriority<Count> released_;
};

}  // namespace taskforge

#endif  // TASKFORGE_POOL_LEVEL_RINGS_H_

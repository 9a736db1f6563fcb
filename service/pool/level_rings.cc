#include "pool/level_rings.h"

#include <sched.h>

namespace taskforge {
namespace {

constexpr uintptr_t kPlaceMask = 3;
static_assert(alignof(Work) > kPlaceMask, "the place travels in the low bits of the pointer");

// Adds one unless `limit` is reached.
bool TryCount(std::atomic<size_t>& count, size_t limit) {
  size_t value = count.load(std::memory_order_relaxed);
  do {
    if (value >= limit) return false;
  } while (!count.compare_exchange_weak(value, value + 1));
  return true;
}

}  // namespace

LevelRings::LevelRings(size_t capacity, size_t capacity_limit, size_t released_limit,
                       size_t reserved)
    : capacity_(capacity), released_limit_(released_limit) {
  for (auto& ring : rings_) {
    ring = std::make_unique<MpmcRing<uintptr_t>>(capacity_limit + released_limit + reserved + 1);
  }
}

bool LevelRings::TryPushOrdinary(Work& work) {
  if (!TryCount(ordinary_, capacity_.load(std::memory_order_relaxed))) return false;
  Push(work, Place::kOrdinary);
  return true;
}

bool LevelRings::TryPushReleased(Work& work) {
  const size_t limit = released_limit_.load(std::memory_order_relaxed);
  if (!TryCount(released_[work.priority].count, limit)) return false;
  Push(work, Place::kReleased);
  return true;
}

void LevelRings::PushReserved(Work& work) { Push(work, Place::kReserved); }

void LevelRings::Push(Work& work, Place place) {
  const uintptr_t entry = reinterpret_cast<uintptr_t>(&work) | static_cast<uintptr_t>(place);
  MpmcRing<uintptr_t>& ring = *rings_[Index(work.priority)];
  // There is room; the slot may only be in the hands of a preempted thread a round behind.
  while (!ring.TryPush(entry)) sched_yield();
}

LevelRings::Entry LevelRings::Pop(Priority priority) {
  uintptr_t value = 0;
  const PopResult result = rings_[Index(priority)]->TryPop(value);
  if (result != PopResult::kTaken) {
    return Entry{nullptr, Place::kOrdinary, result == PopResult::kContended};
  }
  const Entry entry{reinterpret_cast<Work*>(value & ~kPlaceMask),
                    static_cast<Place>(value & kPlaceMask), false};
  // Sequentially consistent: whoever waits for a place says so before it looks at these.
  if (entry.place == Place::kOrdinary) ordinary_.fetch_sub(1);
  if (entry.place == Place::kReleased) released_[priority].count.fetch_sub(1);
  return entry;
}

bool LevelRings::empty() const {
  for (Priority priority : kPriorities) {
    if (size(priority) != 0) return false;
  }
  return true;
}

}  // namespace taskforge

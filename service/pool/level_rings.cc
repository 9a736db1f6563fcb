#include "pool/level_rings.h"

namespace taskforge {
namespace {

constexpr uintptr_t kPlaceMask = 3;
static_assert(alignof(Work) > kPlaceMask, "the place travels in the low bits of the pointer");

uintptr_t EntryOf(Work& work, Place place) {
  return reinterpret_cast<uintptr_t>(&work) | static_cast<uintptr_t>(place);
}

constexpr size_t kPrefetchAhead = 3;

Place PlaceOf(uintptr_t entry) { return static_cast<Place>(entry & kPlaceMask); }

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
                       size_t reserved, TakeEnd& end)
    : out_(end), released_limit_(released_limit) {
  SetCapacity(capacity);
  for (auto& ring : rings_) {
    ring = std::make_unique<RingCells<uintptr_t>>(capacity_limit + released_limit + reserved + 1);
  }
}

void LevelRings::SetCapacity(size_t capacity, const ReservedCapacity& reserved) {
  for (const Priority priority : kPriorities) {
    limits_[priority].store(reserved.LimitOf(priority, capacity));
  }
}

template <typename Fitting>
size_t LevelRings::TakePlaces(size_t wanted, Fitting fitting) {
  size_t in = in_.places_in.load(std::memory_order_relaxed);
  for (;;) {
    // acquire: pairs with the release below. Never more than what is out, so never too few in use.
    size_t out = in_.places_out_seen.load(std::memory_order_acquire);
    if (fitting(in - out) < wanted) {
      // The heads first: what has no place is counted before it is taken, so the difference is
      // never more than the places that came back. Sequentially consistent: who waits for a place
      // says so before it looks here.
      out = out_.TakenOut();
      out -= out_.placeless.load();
      in_.places_out_seen.store(out, std::memory_order_release);
    }
    const intptr_t used = PositionDistance(in, out);
    if (used < 0) {  // Others have taken places since `in` was read.
      in = in_.places_in.load(std::memory_order_relaxed);
      continue;
    }
    const size_t taken = fitting(static_cast<size_t>(used));
    if (taken == 0) return 0;
    if (in_.places_in.compare_exchange_weak(in, in + taken)) return taken;
  }
}

bool LevelRings::TryPushOrdinary(Work& work) {
  const size_t limit = this->limit(work.priority);
  const auto fitting = [limit](size_t in_use) -> size_t { return in_use < limit ? 1 : 0; };
  if (TakePlaces(1, fitting) == 0) return false;
  Push(work, Place::kOrdinary);
  return true;
}

size_t LevelRings::TryPushOrdinary(absl::Span<Work* const> batch) {
  PerPriority<size_t> limits;
  for (const Priority priority : kPriorities) limits[priority] = limit(priority);
  const size_t taken = TakePlaces(batch.size(), [&](size_t in_use) {
    // Low's is the least: where all are within it there is no need to look at each.
    if (in_use <= limits[Priority::kLow] && batch.size() <= limits[Priority::kLow] - in_use) {
      return batch.size();
    }
    size_t fit = 0;
    while (fit < batch.size() && in_use + fit < limits[batch[fit]->priority]) ++fit;
    return fit;
  });
  PerPriority<size_t> counts{};
  for (size_t i = 0; i < taken; ++i) ++counts[batch[i]->priority];
  PerPriority<size_t> positions{};
  for (const Priority priority : kPriorities) {
    if (counts[priority] != 0)
      positions[priority] = in_.tails[priority].fetch_add(counts[priority]);
  }
  for (size_t i = 0; i < taken; ++i) {
    Work& work = *batch[i];
    rings_[Index(work.priority)]->Publish(positions[work.priority]++,
                                          EntryOf(work, Place::kOrdinary));
  }
  return taken;
}

bool LevelRings::TryPushReleased(Work& work) {
  const size_t limit = released_limit_.load(std::memory_order_relaxed);
  if (!TryCount(released_[work.priority].count, limit)) return false;
  Push(work, Place::kReleased);
  return true;
}

void LevelRings::PushReserved(Work& work) { Push(work, Place::kReserved); }

void LevelRings::Push(Work& work, Place place) {
  const Priority priority = work.priority;
  // There is room, because a place is held: the cell's last element has been taken.
  const size_t position = in_.tails[priority].fetch_add(1);
  rings_[Index(priority)]->Publish(position, EntryOf(work, place));
}

LevelRings::Entry LevelRings::Pop(Priority priority) {
  const RingCells<uintptr_t>& ring = *rings_[Index(priority)];
  std::atomic<size_t>& head = out_.heads[priority];
  uintptr_t value = 0;
  // While what has no place is counted and the head not moved, a free place seems to be taken.
  bool hid_place = false;
  size_t position = head.load();
  for (;;) {
    if (!ring.Peek(position, value)) {
      // Others may have moved the head, a whole lap even.
      const size_t now = head.load();
      if (now == position) return {.may_free_place = hid_place};
      position = now;
      continue;
    }
    const bool has_place = PlaceOf(value) == Place::kOrdinary;
    if (!has_place) {
      hid_place = true;
      out_.placeless.fetch_add(1);
    }
    if (head.compare_exchange_weak(position, position + 1)) break;
    if (!has_place) out_.placeless.fetch_sub(1);
  }
  // What comes soon was written on another core, and takes longer to come than a short task runs.
  if (uintptr_t next = 0; ring.Peek(position + kPrefetchAhead, next)) {
    __builtin_prefetch(reinterpret_cast<const void*>(next & ~kPlaceMask));
  }
  const Place place = PlaceOf(value);
  const Entry entry{reinterpret_cast<Work*>(value & ~kPlaceMask), place,
                    hid_place || place == Place::kOrdinary};
  // Sequentially consistent: whoever waits for a place says so before it looks at it.
  if (entry.place == Place::kReleased) released_[priority].count.fetch_sub(1);
  return entry;
}

size_t LevelRings::size(Priority priority) const {
  // The head first: then the difference is never less than what waited at that moment.
  const size_t head = out_.heads[priority].load();
  const intptr_t size = PositionDistance(in_.tails[priority].load(), head);
  return size < 0 ? 0 : static_cast<size_t>(size);
}

bool LevelRings::empty() const {
  for (Priority priority : kPriorities) {
    if (size(priority) != 0) return false;
  }
  return true;
}

}  // namespace taskforge

// What the lock-free objects are to one thread: specifications for linearizability.h.
#ifndef TASKFORGE_STRESS_SEQUENTIAL_H_
#define TASKFORGE_STRESS_SEQUENTIAL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "stress/history.h"

namespace taskforge {

// `leaves_after` of what is never popped.
inline constexpr uint64_t kStays = UINT64_MAX - 1;

// What a container holds. Of those that stay nobody can tell which is which: they are all alike, so
// that the orders of k of them are one state and not k!.
struct Held {
  uint64_t item = 0;
  uint64_t leaves_after = 0;
  uint64_t leaves_before = UINT64_MAX;
  bool operator<(const Held& other) const { return item < other.item; }
};

// A queue or a stack without a bound.
template <Order kOrder>
struct SequentialContainer {
  using Call = Operation;
  using State = std::deque<Held>;

  static State Initial() { return {}; }
  static bool Apply(State& state, const Call& call) {
    if (call.is_push) {
      if (!CanLeave(state, call)) return false;
      const bool stays = call.leaves_after == kStays;
      state.push_back({stays ? kStays : *call.item, call.leaves_after, call.leaves_before});
      return true;
    }
    if (!call.item.has_value() || state.empty()) return !call.item.has_value() && state.empty();
    if (*call.item != (kOrder == Order::kFifo ? state.front() : state.back()).item) return false;
    if (kOrder == Order::kFifo) {
      state.pop_front();
    } else {
      state.pop_back();
    }
    return true;
  }

  // Whether what is there can leave before the new item, or, of a stack, after it.
  static bool CanLeave(const State& state, const Call& push) {
    return std::none_of(state.begin(), state.end(), [&](const Held& held) {
      return kOrder == Order::kFifo ? held.leaves_after >= push.leaves_before
                                    : held.leaves_before <= push.leaves_after;
    });
  }
};

// The same history, in which each push knows when its item leaves. That changes nothing but the
// time that it takes: an order of pushes that no pops can follow is given up at once.
// REQUIRES: items are distinct, and all pops have returned.
inline std::vector<Operation> WithDepartures(std::vector<Operation> history) {
  std::map<uint64_t, Operation> pops;
  for (const Operation& op : history) {
    if (!op.is_push && op.item.has_value()) pops[*op.item] = op;
  }
  for (Operation& op : history) {
    if (!op.is_push || !op.item.has_value()) continue;
    const auto pop = pops.find(*op.item);
    op.leaves_after = pop == pops.end() ? kStays : pop->second.begin;
    op.leaves_before = pop == pops.end() ? UINT64_MAX : pop->second.end;
  }
  return history;
}

// A queue that holds kCapacity items: a push that is refused has no item.
template <size_t kCapacity>
struct SequentialRing {
  using Call = Operation;
  using State = std::deque<Held>;

  static State Initial() { return {}; }
  static bool Apply(State& state, const Call& call) {
    const bool is_full = state.size() == kCapacity;
    if (call.is_push && call.item.has_value() == is_full) return false;
    if (call.is_push && is_full) return true;
    return SequentialContainer<Order::kFifo>::Apply(state, call);
  }
};

// A call of a map, of which each key is an object of its own.
struct MapCall {
  enum class What { kPut, kGet, kErase };
  What what = What::kGet;
  int key = 0;
  std::optional<uint64_t> value;  // Put; found by Get; anything if Erase found the key.
  uint64_t begin = 0;
  uint64_t end = 0;
};

// One key of a map that forgets nothing by itself.
struct SequentialKey {
  using Call = MapCall;
  using State = std::optional<uint64_t>;

  static State Initial() { return std::nullopt; }
  static bool Apply(State& state, const Call& call) {
    switch (call.what) {
      case MapCall::What::kPut:
        state = call.value;
        return true;
      case MapCall::What::kGet:
        return state == call.value;
      case MapCall::What::kErase:
        if (state.has_value() != call.value.has_value()) return false;
        state.reset();
        return true;
    }
    return false;
  }
};

// A result: set once; a look finds what was set, or nothing before that.
struct SequentialResult {
  using Call = Operation;  // A push sets, a pop looks.
  using State = std::optional<uint64_t>;

  static State Initial() { return std::nullopt; }
  static bool Apply(State& state, const Call& call) {
    if (!call.is_push) return state == call.item;
    if (state.has_value()) return false;
    state = call.item;
    return true;
  }
};

}  // namespace taskforge

#endif  // TASKFORGE_STRESS_SEQUENTIAL_H_

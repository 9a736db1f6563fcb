// Whether a history of concurrent calls is linearizable: whether there is an order of the calls
// that keeps the order of those that did not overlap and that one thread alone could have made with
// the same results (M. Herlihy and J. Wing, TOPLAS 1990).
//
// The search of J. Wing and C. Gong, "Testing and Verifying Concurrent Objects" (JPDC 1993), with
// the improvements of G. Lowe, "Testing for Linearizability" (CCPE 2017): a call takes its place
// just in time, when it or one that must come after it returns; what is known to lead nowhere is
// remembered; and a history of independent objects (the keys of a map) is checked object by object.
#ifndef TASKFORGE_STRESS_LINEARIZABILITY_H_
#define TASKFORGE_STRESS_LINEARIZABILITY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace taskforge {

// The end of a call that has not returned: it may have taken effect, or not.
inline constexpr uint64_t kNeverReturned = UINT64_MAX;

// `Spec` is a sequential specification:
//   using Call = ...;   What was called and what it returned, with `uint64_t begin, end`, the times
//                       of the call and of the return on a clock that all threads share; all times
//                       of a history differ.
//   using State = ...;  Of the object; has <.
//   static State Initial();
//   static bool Apply(State&, const Call&);  Makes the call; false if it cannot return that.
// Finds the first call that no order explains. Not thread-safe.
template <typename Spec>
class LinearizabilityChecker {
 public:
  using Call = typename Spec::Call;

  // What Check() gives up at: a longer search than any history of the tests needs.
  static constexpr size_t kMostVisited = 2'000'000;

  // Returns nothing if the history is linearizable, else what is wrong with it.
  // REQUIRES: at most 64 calls overlap at any time.
  static std::string Check(const std::vector<Call>& history) {
    return LinearizabilityChecker(history).Search();
  }

 private:
  // A call begins or returns; which others are under way then.
  struct Event {
    uint64_t time = 0;
    const Call* call = nullptr;
    bool is_return = false;
    int slot = 0;  // Of the call: one that no other has meanwhile.
    std::vector<std::pair<int, const Call*>> under_way;  // With their slots; `call` among them.
  };
  // Before the event, the object is in the state, and of the calls that are under way those of
  // `made` have taken effect.
  struct Node {
    size_t event = 0;
    uint64_t made = 0;
    typename Spec::State state;
    bool operator<(const Node& other) const {
      return std::tie(event, made, state) < std::tie(other.event, other.made, other.state);
    }
  };

  explicit LinearizabilityChecker(const std::vector<Call>& history) {
    for (const Call& call : history) {
      events_.push_back({call.begin, &call, false, 0, {}});
      if (call.end != kNeverReturned) events_.push_back({call.end, &call, true, 0, {}});
    }
    std::sort(events_.begin(), events_.end(),
              [](const Event& a, const Event& b) { return a.time < b.time; });
    std::map<const Call*, int> slots;
    uint64_t free = UINT64_MAX;
    for (Event& event : events_) {
      if (!event.is_return) {
        event.slot = __builtin_ctzll(free);
        free &= free - 1;
        slots[event.call] = event.slot;
        continue;
      }
      event.slot = slots.at(event.call);
      for (const auto& [call, slot] : slots) event.under_way.emplace_back(slot, call);
      slots.erase(event.call);
      free |= uint64_t{1} << event.slot;
    }
  }

  std::string Search() {
    std::vector<Node> stack = {{0, 0, Spec::Initial()}};
    size_t furthest = 0;
    while (!stack.empty()) {
      Node node = std::move(stack.back());
      stack.pop_back();
      if (!PassWhatIsMade(node)) return "";
      furthest = std::max(furthest, node.event);
      if (!visited_.insert(node).second) continue;
      if (visited_.size() > kMostVisited)
        return absl::StrCat("undecided: ", kMostVisited, " states");
      PushSuccessors(node, stack);
    }
    return absl::StrCat("no order explains what returned at ", events_[furthest].time);
  }

  // Goes on to the next return of a call that has not taken effect; false if there is none.
  bool PassWhatIsMade(Node& node) const {
    for (; node.event < events_.size(); ++node.event) {
      const Event& event = events_[node.event];
      if (!event.is_return) continue;
      const uint64_t bit = uint64_t{1} << event.slot;
      if ((node.made & bit) == 0) return true;
      node.made &= ~bit;
    }
    return false;
  }

  // One of the calls that are under way takes effect; the one that returns is tried first.
  void PushSuccessors(const Node& node, std::vector<Node>& stack) const {
    const Event& event = events_[node.event];
    const auto push = [&](int slot, const Call& call) {
      const uint64_t bit = uint64_t{1} << slot;
      if ((node.made & bit) != 0) return;
      Node next = {node.event, node.made | bit, node.state};
      if (Spec::Apply(next.state, call)) stack.push_back(std::move(next));
    };
    for (const auto& [slot, call] : event.under_way) {
      if (call != event.call) push(slot, *call);
    }
    push(event.slot, *event.call);
  }

  std::vector<Event> events_;
  std::set<Node> visited_;
};

template <typename Spec>
std::string CheckLinearizable(const std::vector<typename Spec::Call>& history) {
  return LinearizabilityChecker<Spec>::Check(history);
}

// Of an object that is many independent ones: `key_of` says which one a call is about. It is
// linearizable if and only if each of them is.
template <typename Spec, typename KeyOf>
std::string CheckLinearizableByKey(const std::vector<typename Spec::Call>& history, KeyOf key_of) {
  std::map<decltype(key_of(history.front())), std::vector<typename Spec::Call>> parts;
  for (const auto& call : history) parts[key_of(call)].push_back(call);
  for (const auto& [key, part] : parts) {
    const std::string wrong = CheckLinearizable<Spec>(part);
    if (!wrong.empty()) return absl::StrCat("key ", key, ": ", wrong);
  }
  return "";
}

}  // namespace taskforge

#endif  // TASKFORGE_STRESS_LINEARIZABILITY_H_

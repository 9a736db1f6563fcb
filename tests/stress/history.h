// Histories of concurrent operations, and what no order of them could explain.
#ifndef TASKFORGE_STRESS_HISTORY_H_
#define TASKFORGE_STRESS_HISTORY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"

namespace taskforge {

enum class Order { kFifo, kLifo };

// One call, with the times at which it began and ended on a shared counter.
struct Operation {
  bool is_push = false;
  std::optional<uint64_t> item;  // None: a pop that found nothing.
  uint64_t begin = 0;
  uint64_t end = 0;
  // Of a push: the times between which its item was popped; see WithDepartures() (sequential.h).
  uint64_t leaves_after = 0;
  uint64_t leaves_before = UINT64_MAX;
};

// Finds the violations of T. Henzinger, A. Sezgin and V. Vafeiadis, "Aspect-Oriented
// Linearizability Proofs" (CONCUR 2013): an item that was never pushed; one that came twice; two in
// the wrong order; a pop that found nothing while some item was there throughout. It says plainly
// what is wrong, of histories of any length; and it does not find everything: it looks at items one
// by one and in pairs. linearizability.h finds the rest, of short ones. Returns the first, or
// nothing.
inline std::string CheckHistory(Order order, const std::vector<Operation>& history) {
  struct Life {
    const Operation* push = nullptr;
    const Operation* pop = nullptr;
  };
  std::map<uint64_t, Life> lives;
  for (const Operation& op : history) {
    if (op.is_push) lives[*op.item].push = &op;
  }
  for (const Operation& op : history) {
    if (op.is_push || !op.item.has_value()) continue;
    Life& life = lives[*op.item];
    if (life.push == nullptr || op.end < life.push->begin) {
      return absl::StrCat("item ", *op.item, " was popped before it was pushed");
    }
    if (life.pop != nullptr) return absl::StrCat("item ", *op.item, " was popped twice");
    life.pop = &op;
  }
  for (const Operation& op : history) {
    if (op.is_push || op.item.has_value()) continue;
    for (const auto& [item, life] : lives) {
      if (life.push->end < op.begin && (life.pop == nullptr || life.pop->begin > op.end)) {
        return absl::StrCat("a pop found nothing while item ", item, " was there");
      }
    }
  }
  for (const auto& [a, first] : lives) {
    for (const auto& [b, second] : lives) {
      if (first.push->end >= second.push->begin) continue;  // Only: a was pushed before b.
      if (order == Order::kFifo) {
        if (second.pop != nullptr && (first.pop == nullptr || second.pop->end < first.pop->begin)) {
          return absl::StrCat("item ", b, " overtook ", a);
        }
      } else if (first.pop != nullptr && second.push->end < first.pop->begin &&
                 (second.pop == nullptr || first.pop->end < second.pop->begin)) {
        return absl::StrCat("item ", a, " came from beneath ", b);
      }
    }
  }
  return "";
}

}  // namespace taskforge

#endif  // TASKFORGE_STRESS_HISTORY_H_

// The four priorities of work and of events.
#ifndef TASKFORGE_TASK_PRIORITY_H_
#define TASKFORGE_TASK_PRIORITY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace taskforge {

// Higher is more urgent. The values are indices, not what stands on the wire.
enum class Priority : uint8_t { kLow = 0, kNormal = 1, kHigh = 2, kCritical = 3 };

inline constexpr size_t kPriorityCount = 4;
inline constexpr std::array<Priority, kPriorityCount> kPriorities = {
    Priority::kLow, Priority::kNormal, Priority::kHigh, Priority::kCritical};

constexpr size_t Index(Priority priority) { return static_cast<size_t>(priority); }

// `low`, `normal`, `high`, `critical`: in labels, configuration and on the command line.
constexpr absl::string_view Name(Priority priority) {
  constexpr std::array<absl::string_view, kPriorityCount> kNames = {"low", "normal", "high",
                                                                    "critical"};
  return kNames[Index(priority)];
}
constexpr std::optional<Priority> ParsePriority(absl::string_view name) {
  for (Priority priority : kPriorities) {
    if (Name(priority) == name) return priority;
  }
  return std::nullopt;
}

// One value for each priority.
template <typename T>
class PerPriority {
 public:
  constexpr T& operator[](Priority priority) { return values_[Index(priority)]; }
  constexpr const T& operator[](Priority priority) const { return values_[Index(priority)]; }
  // From low to critical.
  constexpr auto begin() const { return values_.begin(); }
  constexpr auto end() const { return values_.end(); }
  // Not defaulted: that would ask every T for it.
  friend constexpr bool operator==(const PerPriority& a, const PerPriority& b) {
    return a.values_ == b.values_;
  }

 private:
  std::array<T, kPriorityCount> values_{};
};

}  // namespace taskforge

#endif  // TASKFORGE_TASK_PRIORITY_H_

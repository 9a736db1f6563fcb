#include "pool/resize_log.h"

#include <utility>

namespace taskforge {
namespace {

// Changes of mind: what work did to a thread is none.
bool IsFlip(const ResizeEvent& before, const ResizeEvent& event) {
  return before.reason != ScalingReason::kAbandoned && event.reason != ScalingReason::kAbandoned &&
         before.direction() != event.direction();
}

}  // namespace

void ResizeLog::Add(absl::Time time, int from, int to, ScalingReason reason) {
  ResizeEvent event{0, time, from, to, reason};
  {
    MutexLock lock(mu_);
    event.number = ++counts_.total;
    ++counts_.by_reason[static_cast<size_t>(event.direction())][static_cast<size_t>(reason)];
    if (!events_.empty() && IsFlip(events_.back(), event)) ++counts_.flips;
    events_.push_back(event);
    if (events_.size() > limit_) events_.pop_front();
  }
  if (listener_) listener_(event);
}

std::vector<ResizeEvent> ResizeLog::Last(size_t count, uint64_t before) const {
  std::vector<ResizeEvent> found;
  MutexLock lock(mu_);
  for (auto it = events_.rbegin(); it != events_.rend() && found.size() < count; ++it) {
    if (before == 0 || it->number < before) found.push_back(*it);
  }
  return found;
}

ResizeLog::Counts ResizeLog::counts() const {
  MutexLock lock(mu_);
  return counts_;
}

}  // namespace taskforge

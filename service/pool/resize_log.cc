#include "pool/resize_log.h"

#include <utility>

namespace taskforge {

void ResizeLog::Add(absl::Time time, int from, int to, ScalingReason reason) {
  ResizeEvent event{0, time, from, to, reason};
  {
    MutexLock lock(mu_);
    event.number = ++counts_.total;
    ++counts_.by_reason[static_cast<size_t>(event.direction())][static_cast<size_t>(reason)];
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

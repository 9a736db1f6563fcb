// A released layer that a test empties by hand.
#ifndef TASKFORGE_SUPPORT_FAKE_RELEASE_TARGET_H_
#define TASKFORGE_SUPPORT_FAKE_RELEASE_TARGET_H_

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <utility>

#include "base/mutex.h"
#include "queues/release_target.h"
#include "task/task.h"

namespace taskforge {

// Holds `limit` tasks of each priority. Thread-safe.
class FakeReleaseTarget final : public ReleaseTarget {
 public:
  explicit FakeReleaseTarget(size_t limit) : limit_(limit) {}
  ~FakeReleaseTarget() override { Clear(); }

  // Drops what it holds: before the ledger of the tasks' admissions goes.
  void Clear() {
    for (Priority priority : kPriorities) {
      while (Take(priority)) {
      }
    }
  }

  bool TryRelease(Work& work) override {
    if (before_release) before_release();
    MutexLock lock(mu_);
    std::deque<Task*>& layer = layers_[Index(work.priority)];
    if (layer.size() >= limit_) return false;
    layer.push_back(static_cast<Task*>(&work));
    released_[Index(work.priority)].fetch_add(1);
    return true;
  }
  size_t Released(Priority priority) const override { return released_[Index(priority)].load(); }
  size_t ReleaseLimit() const override { return limit_; }
  uint64_t DispatchCount(Priority) const override { return dispatches_.load(); }

  // Takes the next one out, as a dispatch; null when there is none.
  TaskRef Take(Priority priority = Priority::kNormal) {
    TaskRef task;
    {
      MutexLock lock(mu_);
      std::deque<Task*>& layer = layers_[Index(priority)];
      if (layer.empty()) return nullptr;
      task = TaskRef::Adopt(layer.front());
      layer.pop_front();
    }
    released_[Index(priority)].fetch_sub(1);
    dispatches_.fetch_add(1);
    return task;
  }

  // Set before use: runs at the beginning of each TryRelease, without a lock.
  std::function<void()> before_release;

 private:
  const size_t limit_;
  Mutex mu_;
  std::array<std::deque<Task*>, kPriorityCount> layers_ ABSL_GUARDED_BY(mu_);
  std::array<std::atomic<size_t>, kPriorityCount> released_{};
  std::atomic<uint64_t> dispatches_{0};
};

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_FAKE_RELEASE_TARGET_H_

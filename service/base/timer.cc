#include "base/timer.h"

#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"
#include "base/scoped_blocking.h"

namespace taskforge {

class ThreadTimer::Core {
  using Key = std::pair<MonoTime, TimerId>;

 public:
  Core() : thread_([this] { Loop(); }) {}

  ~Core() { Stop(); }

  void Stop() {
    std::map<Key, absl::AnyInvocable<void() &&>> dropped;
    {
      MutexLock lock(mu_);
      stopping_ = true;
    }
    changed_.SignalAll();
    std::call_once(joined_, [this] { thread_.join(); });
    {
      MutexLock lock(mu_);
      dropped.swap(by_time_);
      by_id_.clear();
    }
    // Destroyed outside the lock: what a callback owns may schedule or cancel as it goes.
  }

  TimerId ScheduleAt(MonoTime when, absl::AnyInvocable<void() &&> callback) {
    TimerId id = 0;
    bool earliest = false;
    {
      MutexLock lock(mu_);
      id = ++last_id_;
      if (stopping_) return id;
      const auto it = by_time_.emplace(Key{when, id}, std::move(callback)).first;
      by_id_.emplace(id, when);
      earliest = it == by_time_.begin();
    }
    if (earliest) changed_.Signal();
    return id;
  }

  bool Cancel(TimerId id) {
    absl::AnyInvocable<void() &&> dropped;  // Destroyed outside the lock: it may own anything.
    MutexLock lock(mu_);
    const auto it = by_id_.find(id);
    if (it == by_id_.end()) return false;
    const auto entry = by_time_.find(Key{it->second, id});
    dropped = std::move(entry->second);
    by_time_.erase(entry);
    by_id_.erase(it);
    return true;
  }

 private:
  void Loop() {
    const NonBlockingThread non_blocking;
    absl::AnyInvocable<void() &&> due;
    while (TakeDue(due)) {
      std::move(due)();
      due = nullptr;
    }
  }

  // Sleeps until a callback is due and moves it out; false when stopping.
  bool TakeDue(absl::AnyInvocable<void() &&>& due) {
    MutexLock lock(mu_);
    while (!stopping_) {
      if (by_time_.empty()) {
        changed_.Wait(mu_);
        continue;
      }
      const auto first = by_time_.begin();
      if (first->first.first > clock_.Monotonic()) {
        changed_.WaitUntil(mu_, first->first.first);
        continue;
      }
      due = std::move(first->second);
      by_id_.erase(first->first.second);
      by_time_.erase(first);
      return true;
    }
    return false;
  }

  const SystemClock clock_;
  Mutex mu_;
  CondVar changed_;
  std::map<Key, absl::AnyInvocable<void() &&>> by_time_ ABSL_GUARDED_BY(mu_);
  std::unordered_map<TimerId, MonoTime> by_id_ ABSL_GUARDED_BY(mu_);
  TimerId last_id_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::once_flag joined_;  // Who stops it too waits for who joins.
  std::thread thread_;     // Last: it uses everything above.
};

ThreadTimer::ThreadTimer() : core_(std::make_unique<Core>()) {}
ThreadTimer::~ThreadTimer() = default;

TimerId ThreadTimer::ScheduleAt(MonoTime when, absl::AnyInvocable<void() &&> callback) {
  return core_->ScheduleAt(when, std::move(callback));
}

void ThreadTimer::Stop() { core_->Stop(); }

bool ThreadTimer::Cancel(TimerId id) { return core_->Cancel(id); }

}  // namespace taskforge

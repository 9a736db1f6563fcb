// A timer whose callbacks run as a test moves its FakeClock.
#ifndef TASKFORGE_SUPPORT_FAKE_TIMER_H_
#define TASKFORGE_SUPPORT_FAKE_TIMER_H_

#include <map>
#include <utility>

#include "base/timer.h"
#include "support/fake_clock.h"

namespace taskforge {

// Runs callbacks inside FakeClock::Advance(), in the order of their times, on the thread that calls
// it; one that is scheduled for a time that has passed runs in the next Advance() (of zero, too).
// `clock` must outlive it. Thread-safe.
class FakeTimer final : public Timer, public DrivenByClock {
 public:
  explicit FakeTimer(FakeClock& clock) : clock_(clock) { clock_.Attach(*this); }
  ~FakeTimer() override { clock_.Detach(*this); }

  TimerId ScheduleAt(MonoTime when, absl::AnyInvocable<void() &&> callback) override {
    MutexLock lock(mu_);
    const TimerId id = ++last_id_;
    callbacks_.emplace(std::pair(when, id), std::move(callback));
    return id;
  }
  bool Cancel(TimerId id) override {
    absl::AnyInvocable<void() &&> dropped;  // Destroyed outside the lock: it may own anything.
    MutexLock lock(mu_);
    for (auto it = callbacks_.begin(); it != callbacks_.end(); ++it) {
      if (it->first.second != id) continue;
      dropped = std::move(it->second);
      callbacks_.erase(it);
      return true;
    }
    return false;
  }

  // How many callbacks wait.
  size_t pending() const {
    MutexLock lock(mu_);
    return callbacks_.size();
  }

  MonoTime NextDue() override {
    MutexLock lock(mu_);
    return callbacks_.empty() ? MonoTime::Max() : callbacks_.begin()->first.first;
  }
  void RunNext(MonoTime now) override {
    absl::AnyInvocable<void() &&> callback;
    {
      MutexLock lock(mu_);
      if (callbacks_.empty() || callbacks_.begin()->first.first > now) return;
      callback = std::move(callbacks_.begin()->second);
      callbacks_.erase(callbacks_.begin());
    }
    std::move(callback)();
  }

 private:
  FakeClock& clock_;
  mutable Mutex mu_;
  std::map<std::pair<MonoTime, TimerId>, absl::AnyInvocable<void() &&>> callbacks_
      ABSL_GUARDED_BY(mu_);
  TimerId last_id_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_FAKE_TIMER_H_

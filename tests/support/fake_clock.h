// A clock that stands still until a test moves it.
#ifndef TASKFORGE_SUPPORT_FAKE_CLOCK_H_
#define TASKFORGE_SUPPORT_FAKE_CLOCK_H_

#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace taskforge {

// What happens as a FakeClock moves. Thread-safe.
class DrivenByClock {
 public:
  virtual ~DrivenByClock() = default;
  // When it next has something to do; MonoTime::Max(): nothing.
  virtual MonoTime NextDue() = 0;
  // Does the first thing that is due at `now`, if any.
  virtual void RunNext(MonoTime now) = 0;
};

// Begins at one hour of monotonic time and at 2026-01-01T00:00:00Z. Thread-safe; Advance() from one
// thread at a time.
class FakeClock final : public Clock {
 public:
  MonoTime Monotonic() const override {
    MutexLock lock(mu_);
    return monotonic_;
  }
  absl::Time Now() const override {
    MutexLock lock(mu_);
    return wall_;
  }

  // Moves both clocks by `d`. On the way stops at each time at which a FakeTimer has something due
  // and runs it on this thread, so that callbacks see the time that they asked for.
  void Advance(absl::Duration d) {
    const MonoTime target = Monotonic() + d;
    for (;;) {
      DrivenByClock* next = nullptr;
      MonoTime due = MonoTime::Max();
      std::vector<DrivenByClock*> driven;
      {
        MutexLock lock(mu_);
        driven = driven_;
      }
      for (DrivenByClock* each : driven) {
        const MonoTime time = each->NextDue();
        if (time < due) {
          due = time;
          next = each;
        }
      }
      if (next == nullptr || due > target) break;
      MoveTo(due);
      next->RunNext(Monotonic());
    }
    MoveTo(target);
  }
  // Moves the wall clock alone, as an administrator or NTP does.
  void JumpWallClock(absl::Duration d) {
    MutexLock lock(mu_);
    wall_ += d;
  }

  // `driven` must detach before it goes.
  void Attach(DrivenByClock& driven) {
    MutexLock lock(mu_);
    driven_.push_back(&driven);
  }
  void Detach(DrivenByClock& driven) {
    MutexLock lock(mu_);
    std::erase(driven_, &driven);
  }

 private:
  void MoveTo(MonoTime time) {
    MutexLock lock(mu_);
    if (time <= monotonic_) return;
    wall_ += absl::Nanoseconds(time - monotonic_);
    monotonic_ = time;
  }

  mutable Mutex mu_;
  MonoTime monotonic_ ABSL_GUARDED_BY(mu_){3'600'000'000'000};
  absl::Time wall_ ABSL_GUARDED_BY(mu_) = absl::FromUnixSeconds(1'767'225'600);
  std::vector<DrivenByClock*> driven_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_FAKE_CLOCK_H_

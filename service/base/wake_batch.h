// Gathers the wake-ups that a thread would give one by one while it works through a batch: whoever
// hands many pieces of work over needs to wake a sleeper once, and a wake-up costs more than a
// piece of work may.
#ifndef TASKFORGE_BASE_WAKE_BATCH_H_
#define TASKFORGE_BASE_WAKE_BATCH_H_

#include <array>
#include <cstddef>

namespace taskforge {

// While it lives, wake-ups of the calling thread that can wait (Defer) wait until it ends. So it
// must end soon, and before the thread sleeps. One at a time on a thread.
// Not thread-safe: belongs to the thread that made it.
class WakeBatch {
 public:
  using Wake = void (*)(void* target);
  static constexpr size_t kAtOnceEvery = 4;

  WakeBatch() { current_ = this; }
  ~WakeBatch() {
    current_ = nullptr;
    for (size_t i = 0; i < size_; ++i) deferred_[i].wake(deferred_[i].target);
  }
  WakeBatch(const WakeBatch&) = delete;
  WakeBatch& operator=(const WakeBatch&) = delete;

  // True, in a batch of the calling thread: `wake(target)` is called once, at its end. False: the
  // caller wakes now; so too at every fourth time in a batch, for others to begin on a large one
  // while it is made. `target` must outlive the batch.
  static bool Defer(Wake wake, void* target) {
    return current_ != nullptr && current_->Add(wake, target);
  }

 private:
  struct Deferred {
    Wake wake = nullptr;
    void* target = nullptr;
    size_t asked = 1;
  };

  bool Add(Wake wake, void* target) {
    for (size_t i = 0; i < size_; ++i) {
      Deferred& known = deferred_[i];
      if (known.wake == wake && known.target == target) return ++known.asked % kAtOnceEvery != 0;
    }
    if (size_ == deferred_.size()) return false;
    deferred_[size_++] = {wake, target};
    return true;
  }

  inline static thread_local WakeBatch* current_ = nullptr;

  std::array<Deferred, 4> deferred_;  // There are few targets: one pool is the rule.
  size_t size_ = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_WAKE_BATCH_H_

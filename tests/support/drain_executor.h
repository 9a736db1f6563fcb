// Executors for the bus's drains: one that runs them when the test says so, one with threads.
#ifndef TASKFORGE_SUPPORT_DRAIN_EXECUTOR_H_
#define TASKFORGE_SUPPORT_DRAIN_EXECUTOR_H_

#include <array>
#include <cstddef>
#include <deque>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "bus/subscriber.h"
#include "task/priority.h"
#include "task/work.h"

namespace taskforge {

// Work by priority, first in, first out. Thread-safe.
class WorkByPriority {
 public:
  void Push(Work& work) ABSL_LOCKS_EXCLUDED(mu_) {
    {
      MutexLock lock(mu_);
      waiting_[Index(work.priority)].push_back(&work);
    }
    pushed_.Signal();
  }
  // The most urgent; null when there is none.
  Work* TryPop() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    return PopLocked();
  }
  // Waits for one; null once Stop() was called and nothing is left.
  Work* Pop() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    for (;;) {
      if (Work* work = PopLocked()) return work;
      if (stopped_) return nullptr;
      pushed_.Wait(mu_);
    }
  }
  void Stop() ABSL_LOCKS_EXCLUDED(mu_) {
    {
      MutexLock lock(mu_);
      stopped_ = true;
    }
    pushed_.SignalAll();
  }
  size_t size(Priority priority) const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    return waiting_[Index(priority)].size();
  }

 private:
  Work* PopLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (size_t i = kPriorityCount; i-- > 0;) {
      if (waiting_[i].empty()) continue;
      Work* work = waiting_[i].front();
      waiting_[i].pop_front();
      return work;
    }
    return nullptr;
  }

  mutable Mutex mu_;
  CondVar pushed_;
  std::array<std::deque<Work*>, kPriorityCount> waiting_ ABSL_GUARDED_BY(mu_);
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

// Keeps what is submitted until the test runs it. Thread-safe.
class ManualDrainExecutor final : public DrainExecutor {
 public:
  explicit ManualDrainExecutor(const Clock& clock) : clock_(clock) {}
  ~ManualDrainExecutor() override { RunAll(); }

  void SubmitReserved(Work& work) override { waiting_.Push(work); }
  // Runs the most urgent; false when nothing waits.
  bool RunOne() {
    Work* work = waiting_.TryPop();
    if (work == nullptr) return false;
    Dispatch dispatch;
    dispatch.started = clock_.Monotonic();
    work->run(*work, dispatch);
    return true;
  }
  // Runs until nothing waits; returns how many it ran.
  size_t RunAll() {
    size_t n = 0;
    while (RunOne()) ++n;
    return n;
  }
  size_t waiting(Priority priority) const { return waiting_.size(priority); }
  size_t waiting() const {
    size_t sum = 0;
    for (Priority priority : kPriorities) sum += waiting(priority);
    return sum;
  }

 private:
  const Clock& clock_;
  WorkByPriority waiting_;
};

// Some threads. The destructor runs what is left and joins them. Thread-safe.
class ThreadDrainExecutor final : public DrainExecutor {
 public:
  ThreadDrainExecutor(int threads, const Clock& clock) {
    for (int seat = 0; seat < threads; ++seat) {
      threads_.emplace_back([this, seat, &clock] {
        while (Work* work = waiting_.Pop()) {
          Dispatch dispatch;
          dispatch.started = clock.Monotonic();
          dispatch.seat = seat;
          work->run(*work, dispatch);
        }
      });
    }
  }
  ~ThreadDrainExecutor() override {
    waiting_.Stop();
    for (std::thread& thread : threads_) thread.join();
  }

  void SubmitReserved(Work& work) override { waiting_.Push(work); }

 private:
  WorkByPriority waiting_;
  std::vector<std::thread> threads_;
};

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_DRAIN_EXECUTOR_H_

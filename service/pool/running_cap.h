// Keeps one thread free for urgent work: of N threads, at most N − 1 run Low and Normal at once.
#ifndef TASKFORGE_POOL_RUNNING_CAP_H_
#define TASKFORGE_POOL_RUNNING_CAP_H_

#include <atomic>

namespace taskforge {

// Low and Normal share one cap (it implies the cap of Low alone). With one thread there is none.
// All operations are sequentially consistent: the wake protocol (wake_list.h) counts on a worker
// that frees a place looking for work afterwards. Thread-safe.
class RunningCap {
 public:
  void SetThreads(int threads) { limit_.store(threads >= 2 ? threads - 1 : 1); }

  bool IsReached() const { return running_.load() >= limit_.load(); }
  bool TryAcquire() {
    int running = running_.load();
    do {
      if (running >= limit_.load()) return false;
    } while (!running_.compare_exchange_weak(running, running + 1));
    return true;
  }
  void Release() { running_.fetch_sub(1); }

  int running() const { return running_.load(); }
  int limit() const { return limit_.load(); }

 private:
  std::atomic<int> running_{0};
  std::atomic<int> limit_{1};
};

}  // namespace taskforge

#endif  // TASKFORGE_POOL_RUNNING_CAP_H_

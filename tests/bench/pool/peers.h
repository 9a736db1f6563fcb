// The pools that ours is compared with, each in its usual form, two threads, behind one face:
// `Submit(i, function)` from any thread, i the task's number. Nobody looks at priorities except
// where the name says so.
#ifndef TASKFORGE_BENCH_POOL_PEERS_H_
#define TASKFORGE_BENCH_POOL_PEERS_H_

#include <blockingconcurrentqueue.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <queue>
#include <thread>
#include <utility>
#include <vector>

namespace taskforge::bench {

inline constexpr int kPoolThreads = 2;

// Two threads that take functions out of a queue under a mutex. `Queue` says what comes first.
template <typename Queue>
class MutexPool {
 public:
  MutexPool() {
    for (int i = 0; i < kPoolThreads; ++i) threads_.emplace_back([this] { Loop(); });
  }
  ~MutexPool() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  template <typename F>
  void Submit(int i, F f) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      queue_.Push(i, std::move(f));
    }
    changed_.notify_one();
  }

 private:
  void Loop() {
    while (true) {
      std::function<void()> task;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        task = queue_.Pop();
      }
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Queue queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// First in, first out.
class FunctionQueue {
 public:
  bool empty() const { return queue_.empty(); }
  template <typename F>
  void Push(int, F f) {
    queue_.emplace(std::move(f));
  }
  std::function<void()> Pop() {
    std::function<void()> task = std::move(queue_.front());
    queue_.pop();
    return task;
  }

 private:
  std::queue<std::function<void()>> queue_;
};

// A std::priority_queue; first in, first out within a priority by a sequence number.
class FunctionPriorityQueue {
 public:
  bool empty() const { return queue_.empty(); }
  template <typename F>
  void Push(int i, F f) {
    queue_.push(Entry{i % 4, next_++, std::move(f)});
  }
  std::function<void()> Pop() {
    std::function<void()> task = queue_.top().task;
    queue_.pop();
    return task;
  }

 private:
  struct Entry {
    int priority;
    uint64_t sequence;
    std::function<void()> task;
    bool operator<(const Entry& other) const {
      return priority != other.priority ? priority < other.priority : sequence > other.sequence;
    }
  };

  std::priority_queue<Entry> queue_;
  uint64_t next_ = 0;
};

// As in every textbook: a mutex, a queue of std::function, a packaged_task for each submission.
class TextbookPool {
 public:
  template <typename F>
  std::future<void> Submit(int i, F f) {
    auto task = std::make_shared<std::packaged_task<void()>>(std::move(f));
    std::future<void> future = task->get_future();
    pool_.Submit(i, [task] { (*task)(); });
    return future;
  }

 private:
  MutexPool<FunctionQueue> pool_;
};

// A mutex and a std::priority_queue.
using MutexPriorityPool = MutexPool<FunctionPriorityQueue>;

// Boost.Asio's thread_pool.
class AsioPool {
 public:
  AsioPool() : pool_(kPoolThreads) {}
  ~AsioPool() { pool_.join(); }
  template <typename F>
  void Submit(int, F f) {
    boost::asio::post(pool_, std::move(f));
  }

 private:
  boost::asio::thread_pool pool_;
};

// oneTBB: enqueued into an arena, first in, first out as far as TBB has it.
class TbbPool {
 public:
  TbbPool() : arena_(kPoolThreads, 0) {}
  template <typename F>
  void Submit(int, F f) {
    arena_.enqueue(std::move(f));
  }

 private:
  tbb::task_arena arena_;
};

// moodycamel's blocking queue of std::function: order per producer only, no bound.
class MoodycamelPool {
 public:
  MoodycamelPool() {
    for (int i = 0; i < kPoolThreads; ++i) threads_.emplace_back([this] { Loop(); });
  }
  ~MoodycamelPool() {
    for (int i = 0; i < kPoolThreads; ++i) queue_.enqueue(nullptr);
    for (std::thread& thread : threads_) thread.join();
  }
  template <typename F>
  void Submit(int, F f) {
    queue_.enqueue(std::function<void()>(std::move(f)));
  }

 private:
  void Loop() {
    std::function<void()> task;
    while (true) {
      queue_.wait_dequeue(task);
      if (!task) return;
      task();
    }
  }

  moodycamel::BlockingConcurrentQueue<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
};

// The same, but many at a time, in and out.
class MoodycamelBulkPool {
 public:
  MoodycamelBulkPool() {
    for (int i = 0; i < kPoolThreads; ++i) threads_.emplace_back([this] { Loop(); });
  }
  ~MoodycamelBulkPool() {
    for (int i = 0; i < kPoolThreads; ++i) queue_.enqueue(nullptr);
    for (std::thread& thread : threads_) thread.join();
  }
  template <typename F>
  void SubmitMany(int, int count, F f) {
    const std::vector<std::function<void()>> batch(static_cast<size_t>(count), f);
    queue_.enqueue_bulk(batch.begin(), batch.size());
  }

 private:
  static constexpr size_t kAtOnce = 32;

  void Loop() {
    std::vector<std::function<void()>> tasks(kAtOnce);
    bool stops = false;
    while (!stops) {
      const size_t count = queue_.wait_dequeue_bulk(tasks.begin(), kAtOnce);
      for (size_t i = 0; i < count; ++i) {
        if (tasks[i]) {
          tasks[i]();
        } else if (!std::exchange(stops, true)) {
          continue;
        } else {
          queue_.enqueue(nullptr);  // The other's sign.
        }
      }
    }
  }

  moodycamel::BlockingConcurrentQueue<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
};

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_POOL_PEERS_H_

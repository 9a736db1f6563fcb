// The queues and stacks that ours are compared with, each in its usual form, behind one face:
// `TryPush(value)`, false if there is no room, and `TryPop(value)`, false if there is nothing.
#ifndef TASKFORGE_BENCH_QUEUE_PEERS_H_
#define TASKFORGE_BENCH_QUEUE_PEERS_H_

#include <concurrentqueue.h>
#include <tbb/concurrent_queue.h>

#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/stack.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "sync/lock_free_queue.h"
#include "sync/lock_free_stack.h"
#include "sync/mpmc_ring.h"

namespace taskforge::bench {

// Of everything that is bounded: as many as the pool has places.
inline constexpr size_t kQueueCapacity = 4096;

struct OurRing {
  bool TryPush(uint64_t value) { return ring.TryPush(value); }
  bool TryPop(uint64_t& value) { return ring.TryPop(value) == PopResult::kTaken; }
  MpmcRing<uint64_t> ring{kQueueCapacity};
};

// Our LockFreeQueue or LockFreeStack. Never full.
template <typename Container>
struct OurUnbounded {
  bool TryPush(uint64_t value) {
    container.Push(value);
    return true;
  }
  bool TryPop(uint64_t& value) {
    const std::optional<uint64_t> popped = container.TryPop();
    if (popped.has_value()) value = *popped;
    return popped.has_value();
  }
  Container container;
};

// A mutex and a std::deque; not more than `kMax` elements.
template <size_t kMax>
class MutexQueue {
 public:
  bool TryPush(uint64_t value) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (queue_.size() >= kMax) return false;
    queue_.push_back(value);
    return true;
  }
  bool TryPop(uint64_t& value) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (queue_.empty()) return false;
    value = queue_.front();
    queue_.pop_front();
    return true;
  }

 private:
  std::mutex mutex_;
  std::deque<uint64_t> queue_;
};

class MutexStack {
 public:
  bool TryPush(uint64_t value) {
    std::lock_guard<std::mutex> lock(mutex_);
    stack_.push_back(value);
    return true;
  }
  bool TryPop(uint64_t& value) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stack_.empty()) return false;
    value = stack_.back();
    stack_.pop_back();
    return true;
  }

 private:
  std::mutex mutex_;
  std::vector<uint64_t> stack_;
};

struct BoostFixedQueue {
  bool TryPush(uint64_t value) { return queue.push(value); }
  bool TryPop(uint64_t& value) { return queue.pop(value); }
  boost::lockfree::queue<uint64_t, boost::lockfree::capacity<kQueueCapacity>> queue;
};

// boost::lockfree::queue or stack that allocates nodes as it needs them.
template <typename Container>
struct BoostUnbounded {
  bool TryPush(uint64_t value) { return container.push(value); }
  bool TryPop(uint64_t& value) { return container.pop(value); }
  Container container{kQueueCapacity};
};

struct TbbBoundedQueue {
  TbbBoundedQueue() { queue.set_capacity(kQueueCapacity); }
  bool TryPush(uint64_t value) { return queue.try_push(value); }
  bool TryPop(uint64_t& value) { return queue.try_pop(value); }
  tbb::concurrent_bounded_queue<uint64_t> queue;
};

struct TbbQueue {
  bool TryPush(uint64_t value) {
    queue.push(value);
    return true;
  }
  bool TryPop(uint64_t& value) { return queue.try_pop(value); }
  tbb::concurrent_queue<uint64_t> queue;
};

// No bound, and first in, first out for each producer only.
struct MoodycamelQueue {
  bool TryPush(uint64_t value) { return queue.enqueue(value); }
  bool TryPop(uint64_t& value) { return queue.try_dequeue(value); }
  moodycamel::ConcurrentQueue<uint64_t> queue;
};

}  // namespace taskforge::bench

#endif  // TASKFORGE_BENCH_QUEUE_PEERS_H_

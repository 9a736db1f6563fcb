// A message bus as it is often written, wrong on purpose: the checks that ours passes must catch
// it.
#ifndef TASKFORGE_STRESS_NAIVE_NAIVE_BUS_H_
#define TASKFORGE_STRESS_NAIVE_NAIVE_BUS_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "stress/naive/naive_containers.h"

namespace taskforge::naive {

// Wrong: Publish() notifies without the mutex, so a message that comes between a consumer's look at
// the queue and its wait wakes nobody. Stands on the wrong queue besides.
template <typename Yield, template <typename> class Nodes = HeapNodes>
class NaiveBus {
 public:
  void Publish(const std::string& topic, uint64_t value) {
    queue_.Push({topic, value});
    published_.notify_one();
  }

  void Subscribe(const std::string& topic, std::function<void(uint64_t)> callback) {
    std::unique_lock<std::shared_mutex> lock(subscriptions_mutex_);
    subscriptions_[topic].push_back(std::move(callback));
  }

  size_t Drain(absl::Duration timeout) {
    std::optional<Message> message = queue_.TryPop();
    if (!message.has_value()) {
      Yield::At();
      std::unique_lock<std::mutex> lock(mutex_);
      const auto deadline = std::chrono::system_clock::now() + absl::ToChronoNanoseconds(timeout);
      if (published_.wait_until(lock, deadline) == std::cv_status::timeout) return 0;
      lock.unlock();
      message = queue_.TryPop();
      if (!message.has_value()) return 0;
    }
    std::vector<std::function<void(uint64_t)>> callbacks;
    {
      std::shared_lock<std::shared_mutex> lock(subscriptions_mutex_);
      callbacks = subscriptions_[message->topic];
    }
    for (const auto& callback : callbacks) callback(message->value);
    return 1;
  }

 private:
  struct Message {
    std::string topic;
    uint64_t value = 0;
  };
  NaiveQueue<Message, Yield, Nodes> queue_;
  std::shared_mutex subscriptions_mutex_;
  std::map<std::string, std::vector<std::function<void(uint64_t)>>> subscriptions_;
  std::mutex mutex_;
  std::condition_variable published_;
};

}  // namespace taskforge::naive

#endif  // TASKFORGE_STRESS_NAIVE_NAIVE_BUS_H_

// An unbounded first-in, first-out queue of many producers and many consumers.
//
// M. Michael and M. Scott, "Simple, Fast, and Practical Non-Blocking and Blocking Concurrent Queue
// Algorithms" (PODC 1996), with epochs in place of their counted pointers: a node that a thread in
// the queue may still see is not freed, so neither use after free nor ABA can happen.
//
// Why not a packaged queue: moodycamel's does not keep first-in, first-out across producers;
// boost::lockfree::queue wants trivial types and never gives memory back.
#ifndef TASKFORGE_SYNC_LOCK_FREE_QUEUE_H_
#define TASKFORGE_SYNC_LOCK_FREE_QUEUE_H_

#include <atomic>
#include <cstddef>
#include <optional>
#include <utility>

#include "sync/epoch.h"
#include "sync/yield_point.h"

namespace taskforge {

// Push and TryPop take effect at one instant each (linearizable). Push is lock-free but for the
// allocation of a node. TryPop is lock-free until kGarbageMax nodes wait for a thread that was
// preempted inside the queue; then it waits for that thread, so that memory stays bounded.
// The queue itself has no bound: whoever pushes must have one (sync/mpmc_ring.h is bounded).
// All atomic operations are sequentially consistent: the linearization needs a total order of head,
// tail and links, and weaker ones cost the same on x86. Thread-safe.
template <typename T, typename Yield = NoYield>
class LockFreeQueue {
 public:
  static constexpr size_t kGarbageMax = 4096;

  LockFreeQueue() {
    Node* dummy = new Node;
    head_.store(dummy);
    tail_.store(dummy);
  }
  // Drops what is left. REQUIRES: no other call runs.
  ~LockFreeQueue() {
    for (Node* node = head_.load(); node != nullptr;) {
      Node* next = node->next.load();
      delete node;
      node = next;
    }
  }
  LockFreeQueue(const LockFreeQueue&) = delete;
  LockFreeQueue& operator=(const LockFreeQueue&) = delete;

  void Push(T item) {
    Node* node = new Node;
    node->item.emplace(std::move(item));
    EpochDomain::Guard guard(domain_);
    for (;;) {
      Node* tail = tail_.load();
      Yield::At();
      Node* next = tail->next.load();
      if (next != nullptr) {  // Another push is between its two steps: finish it.
        tail_.compare_exchange_strong(tail, next);
        continue;
      }
      Yield::At();
      if (tail->next.compare_exchange_strong(next, node)) {
        Yield::At();
        tail_.compare_exchange_strong(tail, node);  // If it fails, another has finished it.
        return;
      }
    }
  }

  // Takes the oldest item; nothing if the queue was empty at one instant of the call.
  std::optional<T> TryPop() {
    std::optional<T> result;
    {
      EpochDomain::Guard guard(domain_);
      Node* old = Unlink(result);
      if (old == nullptr) return std::nullopt;
      domain_.Retire(old, [](EpochDomain::Retired* node) { delete static_cast<Node*>(node); });
    }
    if (domain_.garbage() > kGarbageMax) domain_.Quiesce(kGarbageMax);
    return result;
  }

  bool empty() const {
    EpochDomain::Guard guard(domain_);
    return head_.load()->next.load() == nullptr;
  }

 private:
  struct Node : EpochDomain::Retired {
    std::atomic<Node*> next{nullptr};  // Hides the one of Retired, which only the domain uses.
    std::optional<T> item;             // Empty in the node that head_ points to, the dummy.
  };

  // Moves the oldest item out and returns the node that is no longer in the queue. In a guard.
  Node* Unlink(std::optional<T>& result) {
    for (;;) {
      Node* head = head_.load();
      Yield::At();
      Node* tail = tail_.load();
      Node* next = head->next.load();
      if (next == nullptr) return nullptr;
      // The head must not overtake the tail, or the tail would point to a retired node.
      if (head == tail) tail_.compare_exchange_strong(tail, next);
      Yield::At();
      if (!head_.compare_exchange_strong(head, next)) continue;
      // `next` is the dummy now, and its item is this thread's alone.
      result = std::move(next->item);
      next->item.reset();
      return head;
    }
  }

  mutable EpochDomain domain_;
  // Producers write one line, consumers the other.
  alignas(64) std::atomic<Node*> head_{nullptr};
  alignas(64) std::atomic<Node*> tail_{nullptr};
};

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_LOCK_FREE_QUEUE_H_

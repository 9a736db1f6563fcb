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

#include <cstddef>
#include <optional>
#include <utility>

#include "sync/atomics.h"
#include "sync/epoch.h"

namespace taskforge {

// Push and TryPop take effect at one instant each (linearizable). Push is lock-free but for the
// allocation of a node. TryPop is lock-free until kGarbageMax nodes wait for a thread that was
// preempted inside the queue; then it waits for that thread, so that memory stays bounded.
// The queue itself has no bound: whoever pushes must have one (sync/mpmc_ring.h is bounded).
// All atomic operations are sequentially consistent: the linearization needs a total order of head,
// tail and links, and weaker ones cost the same on x86. Thread-safe.
template <typename T, typename Atomics = StdAtomics>
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
    node->item = std::optional<T>(std::move(item));
    Guard guard(domain_);
    for (;;) {
      Node* tail = tail_.load();
      Node* next = tail->next.load();
      if (next != nullptr) {  // Another push is between its two steps: finish it.
        tail_.compare_exchange_strong(tail, next);
        continue;
      }
      if (tail->next.compare_exchange_strong(next, node)) {
        tail_.compare_exchange_strong(tail, node);  // If it fails, another has finished it.
        return;
      }
    }
  }

  // Takes the oldest item; nothing if the queue was empty at one instant of the call.
  std::optional<T> TryPop() {
    std::optional<T> result;
    {
      Guard guard(domain_);
      Node* old = Unlink(result);
      if (old == nullptr) return std::nullopt;
      domain_.Retire(old, [](Retired* node) { delete static_cast<Node*>(node); });
    }
    if (domain_.garbage() > kGarbageMax) domain_.Quiesce(kGarbageMax);
    return result;
  }

  bool empty() const {
    Guard guard(domain_);
    return head_.load()->next.load() == nullptr;
  }

 private:
  using Domain = BasicEpochDomain<Atomics>;
  using Guard = typename Domain::Guard;
  using Retired = typename Domain::Retired;
  struct Node : Retired {
    // Hides the one of Retired, which only the domain uses.
    typename Atomics::template Atomic<Node*> next{nullptr};
    // Empty in the node that head_ points to, the dummy.
    typename Atomics::template Plain<std::optional<T>> item;
  };

  // Moves the oldest item out and returns the node that is no longer in the queue. In a guard.
  Node* Unlink(std::optional<T>& result) {
    for (;;) {
      Node* head = head_.load();
      Node* tail = tail_.load();
      Node* next = head->next.load();
      if (next == nullptr) return nullptr;
      // The head must not overtake the tail, or the tail would point to a retired node.
      if (head == tail) tail_.compare_exchange_strong(tail, next);
      if (!head_.compare_exchange_strong(head, next)) continue;
      // `next` is the dummy now, and its item is this thread's alone.
      result = std::exchange(next->item, std::nullopt);
      return head;
    }
  }

  mutable Domain domain_;
  // Producers write one line, consumers the other.
  alignas(64) typename Atomics::template Atomic<Node*> head_{nullptr};
  alignas(64) typename Atomics::template Atomic<Node*> tail_{nullptr};
};

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_LOCK_FREE_QUEUE_H_

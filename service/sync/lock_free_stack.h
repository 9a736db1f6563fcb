// An unbounded last-in, first-out stack of many producers and many consumers.
//
// R. K. Treiber, "Systems Programming: Coping with Parallelism" (IBM RJ 5118, 1986), with epochs:
// a node is neither freed nor used again while a thread that may compare with it is in the stack,
// so the compare-and-swap cannot take a new node for an old one (ABA).
//
// Why not a packaged stack: boost::lockfree::stack wants trivial types and never gives memory back.
#ifndef TASKFORGE_SYNC_LOCK_FREE_STACK_H_
#define TASKFORGE_SYNC_LOCK_FREE_STACK_H_

#include <cstddef>
#include <optional>
#include <utility>

#include "sync/atomics.h"
#include "sync/epoch.h"

namespace taskforge {

// Push and TryPop take effect at one instant each (linearizable). Push is lock-free but for the
// allocation of a node. TryPop is lock-free until kGarbageMax nodes wait for a thread that was
// preempted inside the stack; then it waits for that thread, so that memory stays bounded.
// The stack itself has no bound: whoever pushes must have one. Thread-safe.
template <typename T, typename Atomics = StdAtomics>
class LockFreeStack {
 public:
  static constexpr size_t kGarbageMax = 4096;

  LockFreeStack() = default;
  // Drops what is left. REQUIRES: no other call runs.
  ~LockFreeStack() {
    for (Node* node = head_.load(); node != nullptr;) {
      Node* below = node->below;
      delete node;
      node = below;
    }
  }
  LockFreeStack(const LockFreeStack&) = delete;
  LockFreeStack& operator=(const LockFreeStack&) = delete;

  void Push(T item) {
    Node* node = new Node(std::move(item));
    // A push compares with a head that it never follows, so it needs no guard.
    Node* head = head_.load(std::memory_order_relaxed);
    do {
      node->below = head;
      // seq_cst, which includes the release that publishes the node to TryPop().
    } while (!head_.compare_exchange_weak(head, node));
  }

  // Takes the newest item; nothing if the stack was empty at one instant of the call.
  std::optional<T> TryPop() {
    std::optional<T> result;
    {
      typename Domain::Guard guard(domain_);
      Node* head = head_.load();
      for (;;) {
        if (head == nullptr) return std::nullopt;
        Node* below = head->below;
        if (head_.compare_exchange_weak(head, below)) break;
      }
      result.emplace(std::move(head->item));
      domain_.Retire(head, [](Retired* node) { delete static_cast<Node*>(node); });
    }
    if (domain_.garbage() > kGarbageMax) domain_.Quiesce(kGarbageMax);
    return result;
  }

  bool empty() const { return head_.load() == nullptr; }

 private:
  using Domain = BasicEpochDomain<Atomics>;
  using Retired = typename Domain::Retired;
  struct Node : Retired {
    explicit Node(T i) : item(std::move(i)) {}
    typename Atomics::template Plain<T> item;
    typename Atomics::template Plain<Node*> below = nullptr;
  };

  Domain domain_;
  // Not on a line with the domain's garbage list.
  alignas(64) typename Atomics::template Atomic<Node*> head_{nullptr};
};

}  // namespace taskforge

#endif  // TASKFORGE_SYNC_LOCK_FREE_STACK_H_

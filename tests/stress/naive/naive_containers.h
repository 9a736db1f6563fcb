// A queue and a stack as they are often written, wrong on purpose: the checks that ours pass must
// catch these.
#ifndef TASKFORGE_STRESS_NAIVE_NAIVE_CONTAINERS_H_
#define TASKFORGE_STRESS_NAIVE_NAIVE_CONTAINERS_H_

#include <atomic>
#include <optional>
#include <utility>

#include "stress/naive/naive_nodes.h"

namespace taskforge::naive {

// Wrong: two consumers may read the same head; each takes the item, and each deletes the node,
// which the other may still read.
template <typename T, typename Yield, template <typename> class Nodes = HeapNodes>
class NaiveQueue {
 public:
  NaiveQueue() {
    Node* dummy = nodes_.New();
    head_.store(dummy);
    tail_.store(dummy);
  }

  void Push(T item) {
    Node* node = nodes_.New();
    node->item = std::move(item);
    Node* before = tail_.exchange(node);
    Yield::At();
    before->next.store(node);
  }

  std::optional<T> TryPop() {
    Node* head = head_.load();
    Node* next = head->next.load();
    if (next == nullptr) return std::nullopt;
    Yield::At();
    std::optional<T> result = std::move(next->item);
    head_.store(next);
    nodes_.Delete(head);
    return result;
  }

 private:
  struct Node {
    std::atomic<Node*> next{nullptr};
    T item{};
  };
  Nodes<Node> nodes_;
  std::atomic<Node*> head_{nullptr};
  std::atomic<Node*> tail_{nullptr};
};

// Wrong: reads a node that another thread may have deleted, and takes a head for the same that was
// popped and pushed again meanwhile (ABA).
template <typename T, typename Yield, template <typename> class Nodes = HeapNodes>
class NaiveStack {
 public:
  void Push(T item) {
    Node* node = nodes_.New();
    node->item = std::move(item);
    node->next = head_.load();
    while (!head_.compare_exchange_weak(node->next, node)) {
    }
  }

  std::optional<T> TryPop() {
    Node* head = head_.load();
    while (head != nullptr) {
      Yield::At();
      Node* next = head->next;
      Yield::At();
      if (head_.compare_exchange_weak(head, next)) break;
    }
    if (head == nullptr) return std::nullopt;
    std::optional<T> result = std::move(head->item);
    nodes_.Delete(head);
    return result;
  }

 private:
  struct Node {
    T item{};
    Node* next = nullptr;
  };
  Nodes<Node> nodes_;
  std::atomic<Node*> head_{nullptr};
};

}  // namespace taskforge::naive

#endif  // TASKFORGE_STRESS_NAIVE_NAIVE_CONTAINERS_H_

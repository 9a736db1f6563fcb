// Where the wrong containers get their nodes from.
#ifndef TASKFORGE_STRESS_NAIVE_NAIVE_NODES_H_
#define TASKFORGE_STRESS_NAIVE_NAIVE_NODES_H_

#include <deque>
#include <memory>
#include <vector>

namespace taskforge::naive {

// The heap, so that a sanitizer sees a use after free.
template <typename Node>
struct HeapNodes {
  Node* New() { return new Node; }
  void Delete(Node* node) { delete node; }
};

// Gives the node that was deleted longest ago again and never unmaps one. So the wrong containers
// stay within the language on one thread, and what they do is the same in every build.
// Not thread-safe.
template <typename Node>
class RecycledNodes {
 public:
  Node* New() {
    if (free_.empty()) {
      all_.push_back(std::make_unique<Node>());
      return all_.back().get();
    }
    Node* node = free_.front();
    free_.pop_front();
    node->next = nullptr;
    return node;
  }
  void Delete(Node* node) { free_.push_back(node); }

 private:
  std::vector<std::unique_ptr<Node>> all_;
  std::deque<Node*> free_;
};

}  // namespace taskforge::naive

#endif  // TASKFORGE_STRESS_NAIVE_NAIVE_NODES_H_

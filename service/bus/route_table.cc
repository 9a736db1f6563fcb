#include "bus/route_table.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/hash/hash.h"

namespace taskforge {

struct RouteTable::Node : RefCounted<Node> {
  Node() = default;
  Node(const Node& other)
      : RefCounted<Node>(), next(other.next), any(other.any), here(other.here), rest(other.rest) {}

  bool IsEmpty() const { return next.empty() && !any && here.empty() && rest.empty(); }

  absl::flat_hash_map<std::string, NodeRef> next;  // By the token that follows.
  NodeRef any;                                     // `*` follows.
  std::vector<Ref<Subscriber>> here;               // Filters that end here.
  std::vector<Ref<Subscriber>> rest;               // Filters that end in `>` behind here.
};

RouteTable::RouteTable(EpochDomain& epochs) : epochs_(epochs), root_(new Node()) {}
RouteTable::~RouteTable() { root_.Get()->Release(); }

void RouteTable::Add(const Ref<Subscriber>& subscriber) {
  {
    MutexLock lock(mu_);
    NodeRef root(root_.Get());  // It changes only under mu_.
    for (const std::string& filter : subscriber->filters()) {
      root = With(root.get(), Tokens(filter), 0, subscriber);
    }
    ReplaceRoot(std::move(root));
  }
  BumpGenerations(subscriber->filters());
}

void RouteTable::Remove(Subscriber& subscriber) {
  {
    MutexLock lock(mu_);
    NodeRef root(root_.Get());  // It changes only under mu_.
    for (const std::string& filter : subscriber.filters()) {
      root = Without(root.get(), Tokens(filter), 0, subscriber);
      if (!root) root = NodeRef::Adopt(new Node());
    }
    ReplaceRoot(std::move(root));
  }
  BumpGenerations(subscriber.filters());
  // Who remembers it from an earlier match, and saw the old generation, is in a guard by now.
  subscriber.AddRef();
  epochs_.Retire(&subscriber, [](void* old) { static_cast<Subscriber*>(old)->Release(); });
  epochs_.Reclaim();  // Its rings are large.
}

void RouteTable::ReplaceRoot(NodeRef root) {
  is_empty_.store(root->IsEmpty(), std::memory_order_release);
  root_.Replace(root.Leak(), epochs_,
                [](void* node) { static_cast<const Node*>(node)->Release(); });
}

RouteTable::NodeRef RouteTable::With(const Node* node, const Tokens& filter, size_t index,
                                     const Ref<Subscriber>& subscriber) {
  Node* copy = node == nullptr ? new Node() : new Node(*node);
  NodeRef result = NodeRef::Adopt(copy);
  if (index == filter.size()) {
    copy->here.push_back(subscriber);
  } else if (filter[index] == ">") {
    copy->rest.push_back(subscriber);
  } else {
    NodeRef& child = filter[index] == "*" ? copy->any : copy->next[filter[index]];
    child = With(child.get(), filter, index + 1, subscriber);
  }
  return result;
}

RouteTable::NodeRef RouteTable::Without(const Node* node, const Tokens& filter, size_t index,
                                        const Subscriber& subscriber) {
  if (node == nullptr) return nullptr;
  Node* copy = new Node(*node);
  NodeRef result = NodeRef::Adopt(copy);
  const auto erase = [&](std::vector<Ref<Subscriber>>& from) {
    const auto it = std::find_if(from.begin(), from.end(),
                                 [&](const auto& each) { return each.get() == &subscriber; });
    if (it != from.end()) from.erase(it);
  };
  if (index == filter.size()) {
    erase(copy->here);
  } else if (filter[index] == ">") {
    erase(copy->rest);
  } else if (filter[index] == "*") {
    copy->any = Without(copy->any.get(), filter, index + 1, subscriber);
  } else if (auto it = copy->next.find(filter[index]); it != copy->next.end()) {
    it->second = Without(it->second.get(), filter, index + 1, subscriber);
    if (!it->second) copy->next.erase(it);
  }
  if (copy->IsEmpty()) return nullptr;
  return result;
}

void RouteTable::Collect(const Node& node, const Tokens& topic, size_t index, Matched& out) {
  if (index == topic.size()) {
    for (const auto& subscriber : node.here) out.push_back(subscriber.get());
    return;
  }
  for (const auto& subscriber : node.rest) out.push_back(subscriber.get());
  if (const auto it = node.next.find(topic[index]); it != node.next.end()) {
    Collect(*it->second, topic, index + 1, out);
  }
  if (node.any) Collect(*node.any, topic, index + 1, out);
}

const std::atomic<uint64_t>& RouteTable::Generation(absl::string_view topic) const {
  return generations_[absl::HashOf(topic.substr(0, topic.find('.'))) % kGenerations];
}

void RouteTable::BumpGenerations(const std::vector<std::string>& filters) {
  for (const std::string& filter : filters) {
    const absl::string_view first = absl::string_view(filter).substr(0, filter.find('.'));
    if (first == "*" || first == ">") {
      for (auto& generation : generations_) generation.fetch_add(1, std::memory_order_acq_rel);
      return;
    }
    // acq_rel: release pairs with the acquire of who reads the generation; a new number shows the
    // new routes.
    generations_[absl::HashOf(first) % kGenerations].fetch_add(1, std::memory_order_acq_rel);
  }
}

void RouteTable::Match(absl::string_view topic, Matched& out) const {
  const Tokens tokens(topic);
  if (!tokens.is_complete()) return;
  Collect(*root_.Get(), tokens, 0, out);
  const bool is_plain = std::all_of(out.begin(), out.end(), [](const Subscriber* subscriber) {
    return subscriber->filters().size() == 1 && subscriber->group() == nullptr;
  });
  if (is_plain) return;
  std::sort(out.begin(), out.end(), [](const Subscriber* a, const Subscriber* b) {
    return std::less<>()(std::make_pair(a->group(), a), std::make_pair(b->group(), b));
  });
  out.erase(std::unique(out.begin(), out.end()), out.end());
}

}  // namespace taskforge

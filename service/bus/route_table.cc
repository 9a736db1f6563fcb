#include "bus/route_table.h"

#include <algorithm>
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

RouteTable::RouteTable() : root_(NodeRef::Adopt(new Node())) {}
RouteTable::~RouteTable() = default;

RouteTable::NodeRef RouteTable::Root() const {
  MutexLock lock(mu_);
  return root_;
}

void RouteTable::Add(const Ref<Subscriber>& subscriber) {
  {
    MutexLock lock(mu_);
    for (const std::string& filter : subscriber->filters()) {
      root_ = With(root_.get(), Tokens(filter), 0, subscriber);
    }
  }
  BumpGenerations(subscriber->filters());
}

void RouteTable::Remove(Subscriber& subscriber) {
  {
    MutexLock lock(mu_);
    for (const std::string& filter : subscriber.filters()) {
      root_ = Without(root_.get(), Tokens(filter), 0, subscriber);
      if (!root_) root_ = NodeRef::Adopt(new Node());
    }
  }
  BumpGenerations(subscriber.filters());
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

uint64_t RouteTable::Generation(absl::string_view topic) const {
  const absl::string_view first = topic.substr(0, topic.find('.'));
  const size_t shard = absl::HashOf(first) % kGenerations;
  // acquire: pairs with the increment in BumpGenerations(); a new number shows the new routes.
  return generations_[shard].load(std::memory_order_acquire);
}

void RouteTable::BumpGenerations(const std::vector<std::string>& filters) {
  for (const std::string& filter : filters) {
    const absl::string_view first = absl::string_view(filter).substr(0, filter.find('.'));
    if (first == "*" || first == ">") {
      for (auto& generation : generations_) generation.fetch_add(1, std::memory_order_release);
      return;
    }
    // release: pairs with the acquire in Generation().
    generations_[absl::HashOf(first) % kGenerations].fetch_add(1, std::memory_order_release);
  }
}

RouteTable::Snapshot::Snapshot(const RouteTable& table) : root_(table.Root()) {}
RouteTable::Snapshot::~Snapshot() = default;

void RouteTable::Snapshot::Match(absl::string_view topic, Matched& out) const {
  const Tokens tokens(topic);
  if (!tokens.is_complete()) return;
  Collect(*root_, tokens, 0, out);
  const bool may_repeat = std::any_of(out.begin(), out.end(), [](const Subscriber* subscriber) {
    return subscriber->filters().size() > 1;
  });
  if (!may_repeat) return;
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
}

}  // namespace taskforge

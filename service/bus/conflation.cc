#include "bus/conflation.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace taskforge {
namespace {

constexpr size_t kMaxBuckets = size_t{1} << 16;

}  // namespace

Ticket::Ticket(std::string key, size_t hash, const Event* latest)
    : Event({}, latest->priority(), 0, nullptr),
      key_(std::move(key)),
      hash_(hash),
      latest_(latest) {}

Ticket::~Ticket() {
  if (const Event* latest = Take()) latest->Release();
}

struct Conflation::Node {
  Ref<const Ticket> ticket;
  const Node* next = nullptr;
};

Conflation::Conflation(std::string attribute, size_t max_keys)
    : attribute_(std::move(attribute)),
      mask_(std::bit_ceil(std::clamp(max_keys, size_t{1}, kMaxBuckets)) - 1),
      buckets_(std::make_unique<std::atomic<const Node*>[]>(mask_ + 1)) {}

Conflation::~Conflation() {
  for (size_t i = 0; i <= mask_; ++i) {
    const Node* node = buckets_[i].load(std::memory_order_acquire);
    while (node != nullptr) delete std::exchange(node, node->next);
  }
}

bool Conflation::KeyOf(const Event& event, std::string& key) const {
  if (!attribute_.empty()) return event.FindAttribute(attribute_, key);
  key = std::string(event.topic());
  return true;
}

std::atomic<const Conflation::Node*>& Conflation::BucketOf(size_t hash) const {
  return buckets_[hash & mask_];
}

const Ticket* Conflation::Find(absl::string_view key, size_t hash) const {
  // acquire: pairs with the exchanges in TryAdd() and Remove(); the chain is whole.
  const Node* node = BucketOf(hash).load(std::memory_order_acquire);
  for (; node != nullptr; node = node->next) {
    if (node->ticket->hash() == hash && node->ticket->key() == key) return node->ticket.get();
  }
  return nullptr;
}

bool Conflation::TryAdd(const Ref<const Ticket>& ticket) {
  std::atomic<const Node*>& bucket = BucketOf(ticket->hash());
  auto fresh = std::make_unique<Node>();
  fresh->ticket = ticket;
  const Node* head = bucket.load(std::memory_order_acquire);  // As in Find().
  for (;;) {
    for (const Node* node = head; node != nullptr; node = node->next) {
      if (node->ticket->hash() == ticket->hash() && node->ticket->key() == ticket->key()) {
        return false;
      }
    }
    fresh->next = head;
    // No ABA: the guard keeps `head` from being freed and made again.
    if (bucket.compare_exchange_weak(head, fresh.get(), std::memory_order_acq_rel)) break;
  }
  (void)fresh.release();
  return true;
}

void Conflation::Remove(const Ticket& ticket) {
  std::atomic<const Node*>& bucket = BucketOf(ticket.hash());
  const Node* head = bucket.load(std::memory_order_acquire);  // As in Find().
  for (;;) {
    const Node* found = head;
    while (found != nullptr && found->ticket.get() != &ticket) found = found->next;
    if (found == nullptr) return;
    // The nodes before it are copied; chains are short.
    const Node* copies = found->next;
    for (const Node* node = head; node != found; node = node->next) {
      copies = new Node{node->ticket, copies};
    }
    if (bucket.compare_exchange_strong(head, copies, std::memory_order_acq_rel)) {
      for (const Node* node = head; node != found->next;) {
        epochs_.Retire(const_cast<Node*>(std::exchange(node, node->next)));
      }
      return;
    }
    while (copies != found->next) delete std::exchange(copies, copies->next);
  }
}

}  // namespace taskforge

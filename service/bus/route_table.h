// Which subscribers an event goes to.
#ifndef TASKFORGE_BUS_ROUTE_TABLE_H_
#define TASKFORGE_BUS_ROUTE_TABLE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/ref.h"
#include "bus/subscriber.h"
#include "bus/topic.h"
#include "sync/epoch.h"
#include "sync/epoch_pointer.h"

namespace taskforge {

// A trie of tokens. It is immutable: who subscribes copies the nodes on the path of its filter
// under one lock and publishes the new root with one store. Readers take no lock: they are inside a
// guard of the epoch domain, which keeps what they see, subscribers too.
// Thread-safe.
class RouteTable {
  struct Node;

 public:
  using Matched = absl::InlinedVector<Subscriber*, 16>;

  // `epochs` must outlive the table.
  explicit RouteTable(EpochDomain& epochs);
  // REQUIRES: nobody uses it any more.
  ~RouteTable();

  // After the return, every Match() that begins finds it (or does not any more).
  void Add(const Ref<Subscriber>& subscriber) ABSL_LOCKS_EXCLUDED(mu_);
  void Remove(Subscriber& subscriber) ABSL_LOCKS_EXCLUDED(mu_);

  // Adds the subscribers of `topic` to `out`, each once; those of a group stand together.
  // REQUIRES: the caller is inside a guard, and uses what it finds no longer than the guard lives.
  void Match(absl::string_view topic, Matched& out) const;

  // Whether nobody subscribes to anything, so that no topic need be looked up.
  bool IsEmpty() const { return is_empty_.load(std::memory_order_acquire); }

  // Moves whenever the subscribers of `topic` may have changed. What Match() found after reading it
  // may be used again, inside another guard, while it still is what it was. Lives as long as the
  // table.
  const std::atomic<uint64_t>& Generation(absl::string_view topic) const;

 private:
  using NodeRef = Ref<const Node>;

  void ReplaceRoot(NodeRef root) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static NodeRef With(const Node* node, const Tokens& filter, size_t index,
                      const Ref<Subscriber>& subscriber);
  static NodeRef Without(const Node* node, const Tokens& filter, size_t index,
                         const Subscriber& subscriber);
  static void Collect(const Node& node, const Tokens& topic, size_t index, Matched& out);
  void BumpGenerations(const std::vector<std::string>& filters);

  // Synchronizes itself: sharded by the first token, since most filters name it.
  static constexpr size_t kGenerations = 64;
  std::array<std::atomic<uint64_t>, kGenerations> generations_{};

  EpochDomain& epochs_;
  Mutex mu_;                       // Held by who changes the table.
  EpochPointer<const Node> root_;  // With one reference.
  std::atomic<bool> is_empty_{true};
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_ROUTE_TABLE_H_

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

namespace taskforge {

// A trie of tokens. It is immutable: who subscribes copies the nodes on the path of its filter
// under one lock and publishes the new root with one store.
// Thread-safe.
class RouteTable {
 private:
  struct Node;

 public:
  using Matched = absl::InlinedVector<Subscriber*, 16>;

  // One version of the trie, which stays as it is, with its subscribers, while this lives.
  // Thread-compatible.
  class Snapshot {
   public:
    explicit Snapshot(const RouteTable& table);
    ~Snapshot();
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;

    // Adds the subscribers of `topic` to `out`, each once.
    void Match(absl::string_view topic, Matched& out) const;

   private:
    const Ref<const Node> root_;
  };

  RouteTable();
  ~RouteTable();

  void Add(const Ref<Subscriber>& subscriber) ABSL_LOCKS_EXCLUDED(mu_);
  void Remove(Subscriber& subscriber) ABSL_LOCKS_EXCLUDED(mu_);

  // Moves whenever the subscribers of `topic` may have changed. Whoever reads a number and then
  // takes a snapshot may keep what matched until the number is another one.
  uint64_t Generation(absl::string_view topic) const;

 private:
  using NodeRef = Ref<const Node>;

  NodeRef Root() const ABSL_LOCKS_EXCLUDED(mu_);
  static NodeRef With(const Node* node, const Tokens& filter, size_t index,
                      const Ref<Subscriber>& subscriber);
  static NodeRef Without(const Node* node, const Tokens& filter, size_t index,
                         const Subscriber& subscriber);
  static void Collect(const Node& node, const Tokens& topic, size_t index, Matched& out);
  void BumpGenerations(const std::vector<std::string>& filters);

  // Synchronizes itself: sharded by the first token, since most filters name it.
  static constexpr size_t kGenerations = 64;
  std::array<std::atomic<uint64_t>, kGenerations> generations_{};

  mutable Mutex mu_;
  NodeRef root_ ABSL_GUARDED_BY(mu_);
};

}  // namespace taskforge

#endif  // TASKFORGE_BUS_ROUTE_TABLE_H_

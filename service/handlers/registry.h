// The handlers that there are, by name.
#ifndef TASKFORGE_HANDLERS_REGISTRY_H_
#define TASKFORGE_HANDLERS_REGISTRY_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/ref.h"
#include "base/sharded_counter.h"
#include "handlers/handler.h"

namespace taskforge {

// A registered handler and what is counted for it. Thread-safe.
class HandlerEntry final : public RefCounted<HandlerEntry> {
 public:
  HandlerEntry(HandlerInfo info, std::unique_ptr<Handler> handler)
      : info_(std::move(info)), handler_(std::move(handler)) {}

  const HandlerInfo& info() const { return info_; }
  bool is_remote() const { return info_.kind == HandlerKind::kRemote; }
  // Null for a remote handler.
  Handler* handler() const { return handler_.get(); }

  void CountStart() { started_.Add(); }
  void CountEnd() { ended_.Add(); }
  // Attempts that run now.
  uint64_t running() const {
    const uint64_t ended = ended_.Sum();
    const uint64_t started = started_.Sum();
    return started > ended ? started - ended : 0;
  }

  // seq_cst, so that whoever changes it and then looks sees what others have changed.
  void AddWorkers(int change) { workers_.fetch_add(change); }
  int workers() const { return workers_.load(); }

 private:
  const HandlerInfo info_;
  const std::unique_ptr<Handler> handler_;
  ShardedCounter started_;
  ShardedCounter ended_;
  std::atomic<int> workers_{0};
};
using HandlerRef = Ref<HandlerEntry>;

// What is shown of a handler.
struct HandlerStatus {
  HandlerInfo info;
  int workers = 0;       // That serve it now; 0 for a built-in.
  uint64_t running = 0;  // Attempts that run now.
};

class HandlerRegistry;

// Keeps a handler registered; takes it out when it goes. The registry must outlive it.
// Not thread-safe; guarded by its owner.
class HandlerRegistration {
 public:
  HandlerRegistration() = default;
  HandlerRegistration(HandlerRegistry& registry, std::string name)
      : registry_(&registry), name_(std::move(name)) {}
  HandlerRegistration(HandlerRegistration&& other) noexcept
      : registry_(std::exchange(other.registry_, nullptr)), name_(std::move(other.name_)) {}
  HandlerRegistration& operator=(HandlerRegistration&& other) noexcept;
  ~HandlerRegistration();

 private:
  HandlerRegistry* registry_ = nullptr;
  std::string name_;
};

// Looked up at each start, changed seldom: readers see an immutable map through a lock that only
// their own thread uses; a change goes to all of them. Thread-safe.
class HandlerRegistry {
 public:
  HandlerRegistry();

  // Registers a handler under the name that its info says. INVALID_ARGUMENT: not a handler name.
  // ALREADY_EXISTS: the name is taken.
  absl::StatusOr<HandlerRegistration> Register(std::unique_ptr<Handler> handler)
      ABSL_LOCKS_EXCLUDED(mu_);
  // The entry of a remote handler, made when it was not known; it stays for the registry's life.
  // `version` counts the first time only. ALREADY_EXISTS: it is the name of a built-in.
  absl::StatusOr<HandlerRef> RegisterRemote(absl::string_view name, absl::string_view version)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Null when there is none.
  HandlerRef Find(absl::string_view name) const;
  bool Knows(absl::string_view name) const { return static_cast<bool>(Find(name)); }
  // Whether its tasks are for workers; false when it is not known.
  bool IsRemote(absl::string_view name) const;
  // Names that `name` may have been meant to be, nearest first, at most `limit`.
  std::vector<std::string> Near(absl::string_view name, size_t limit = 3) const;

  // By name.
  std::vector<HandlerStatus> List() const;
  std::optional<HandlerStatus> Get(absl::string_view name) const;

 private:
  friend class HandlerRegistration;
  using Map = absl::flat_hash_map<std::string, HandlerRef>;
  struct alignas(64) Reader {  // A cache line each: readers do not disturb each other.
    Mutex mu;
    std::shared_ptr<const Map> map ABSL_GUARDED_BY(mu);
  };

  void Unregister(const std::string& name) ABSL_LOCKS_EXCLUDED(mu_);
  void Publish(std::shared_ptr<const Map> map) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::shared_ptr<const Map> Snapshot() const;
  Reader& MyReader() const;

  // Guards changes; the readers' locks are taken under it, and nothing under those.
  Mutex mu_;
  std::shared_ptr<const Map> map_ ABSL_GUARDED_BY(mu_);
  mutable std::array<Reader, kThreadSlots + 1> readers_;
};

}  // namespace taskforge

#endif  // TASKFORGE_HANDLERS_REGISTRY_H_

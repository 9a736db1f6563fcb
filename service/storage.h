// Where a server keeps its tasks: in memory, and on disk if it has a data directory.
#ifndef TASKFORGE_STORAGE_H_
#define TASKFORGE_STORAGE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/timer.h"
#include "config/config.h"
#include "handlers/registry.h"
#include "intake/recovery.h"
#include "store/memory_store.h"
#include "store/persistence.h"
#include "store/setting.h"
#include "store/store_router.h"

namespace taskforge {

// Not thread-safe, for its owner; the store is.
class Storage {
 public:
  // Null: all in memory. `on_failure` is called once, on a thread of the store, when the disk
  // failed: nothing is accepted any more.
  static absl::StatusOr<std::unique_ptr<Persistence>> OpenPersistence(
      const Config& config, FileSystem& files, const Clock& clock,
      std::function<void(const absl::Status&)> on_failure);

  // `clock` and `timer` must outlive it.
  Storage(const Config& config, std::unique_ptr<Persistence> persistence, const Clock& clock,
          Timer& timer);

  TaskStore& store();
  // Null: what is set while the server runs is gone with it.
  SettingsStore* settings();
  uint64_t boot_epoch() const { return boot_epoch_; }
  // What was missing on the disk, and was accepted; empty: nothing.
  std::string accepted_loss() const {
    return persistence_ == nullptr ? "" : persistence_->accepted_loss();
  }
  bool is_durable() const { return persistence_ != nullptr; }
  // Null: all in memory.
  Persistence* persistence() const { return persistence_.get(); }
  // Of tasks that name none; and the best that there is.
  Durability default_durability() const { return default_durability_; }
  Durability best_durability() const {
    return is_durable() ? Durability::kDurable : Durability::kMemory;
  }
  // With what these leave open filled in.
  IntakeOptions Complete(IntakeOptions options) const;
  TaskQueuesOptions Complete(TaskQueuesOptions options) const;

  // Takes over what is on the disk, and lets the store begin. Handlers that nobody brings in this
  // process are taken for workers'. REQUIRES: called once, before anything is stored.
  absl::StatusOr<RecoveryReport> Recover(const Recovery::Parts& parts, HandlerRegistry& handlers);

  // What was asked for before is written; nothing after.
  void Stop();

  TaskStoreStats MemoryStats() const { return memory_.Stats(); }
  // Of both.
  TaskStoreStats Stats() const;
  std::optional<DurableStoreStats> DiskStats() const;
  // For people: what would be gone if the process ended now.
  std::string NotDurable(const TaskCounts& living) const;

 private:
  const Durability default_durability_;
  const std::unique_ptr<Persistence> persistence_;
  const uint64_t boot_epoch_;
  MemoryStore memory_;
  std::optional<StoreRouter> router_;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORAGE_H_

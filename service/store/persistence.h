// A data directory with the store in it.
#ifndef TASKFORGE_STORE_PERSISTENCE_H_
#define TASKFORGE_STORE_PERSISTENCE_H_

#include <functional>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "store/data_directory.h"
#include "store/durable_store.h"
#include "store/free_space.h"
#include "store/persistence_options.h"
#include "store/rocksdb_engine.h"
#include "store/store_backups.h"

namespace taskforge {

// Not thread-safe, for its owner; the store is.
class Persistence {
 public:
  // REQUIRES: options.is_on(), options.Validate() is empty. `on_failure` as DurableStore::Parts has
  // it. Statuses of DataDirectory, RocksDbEngine and DurableStore.
  static absl::StatusOr<std::unique_ptr<Persistence>> Open(
      const PersistenceOptions& options, FileSystem& files, const Clock& clock,
      std::function<void(const absl::Status&)> on_failure);

  DurableStore& store() { return *store_; }
  StoreBackups& backups() { return *backups_; }
  // Of the disk, for this user; none: the file system does not say.
  std::optional<uint64_t> FreeBytes() const { return FreeBytesAt(directory_->path()); }
  const std::string& path() const { return directory_->path(); }
  bool is_new() const { return directory_->is_new(); }
  // As RocksDbEngine has it.
  const std::string& accepted_loss() const { return engine_->accepted_loss(); }

 private:
  Persistence() = default;

  std::unique_ptr<DataDirectory> directory_;
  std::unique_ptr<FreeSpace> space_;
  std::unique_ptr<RocksDbEngine> engine_;
  std::unique_ptr<StoreBackups> backups_;
  std::unique_ptr<DurableStore> store_;  // First to go.
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_PERSISTENCE_H_

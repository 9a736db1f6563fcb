#include "store/persistence.h"

#include <utility>

namespace taskforge {

absl::StatusOr<std::unique_ptr<Persistence>> Persistence::Open(
    const PersistenceOptions& options, FileSystem& files, const Clock& clock,
    std::function<void(const absl::Status&)> on_failure) {
  std::unique_ptr<Persistence> made(new Persistence());
  absl::StatusOr<std::unique_ptr<DataDirectory>> directory =
      DataDirectory::Open(files, options.data_dir);
  if (!directory.ok()) return directory.status();
  made->directory_ = *std::move(directory);
  made->space_ =
      std::make_unique<FreeSpace>(made->directory_->path(), options.min_free_bytes, clock);

  RocksDbEngineOptions engine_options;
  engine_options.path = made->directory_->engine_path();
  engine_options.mark_path = made->directory_->mark_path();
  engine_options.write_buffer_bytes = options.write_buffer_bytes;
  engine_options.cache_bytes = options.cache_bytes;
  engine_options.accept_data_loss = options.accept_data_loss;
  absl::StatusOr<std::unique_ptr<RocksDbEngine>> engine =
      RocksDbEngine::Open(engine_options, clock);
  if (!engine.ok()) return engine.status();
  made->engine_ = *std::move(engine);
  // Their names, before anything is kept in them.
  const absl::Status synced = files.SyncDirectory(made->directory_->path());
  if (!synced.ok()) return synced;

  made->backups_ = std::make_unique<StoreBackups>(*made->engine_, options.backup_dir, clock);

  DurableStoreOptions store_options = options.store;
  store_options.accept_damage = options.accept_data_loss;
  absl::StatusOr<std::unique_ptr<DurableStore>> store =
      DurableStore::Open(store_options, {*made->engine_, clock,
                                         [space = made->space_.get()] { return space->Check(); },
                                         std::move(on_failure)});
  if (!store.ok()) return store.status();
  made->store_ = *std::move(store);
  return made;
}

}  // namespace taskforge

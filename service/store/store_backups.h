// Copies of a store that is in use, each of which is a data directory of its own.
#ifndef TASKFORGE_STORE_STORE_BACKUPS_H_
#define TASKFORGE_STORE_STORE_BACKUPS_H_

#include <cstdint>
#include <string>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/mutex.h"
#include "store/rocksdb_engine.h"

namespace taskforge {

struct StoreBackup {
  std::string path;    // On the server's machine.
  uint64_t bytes = 0;  // Of its files; those that did not change since are shared with the store.
  absl::Duration took;
};

// Whether a client may name a backup so: 1 to 64 of a-z, 0-9, `-`, `_` and `.`, the first a letter
// or digit. It is one name in a directory, and never a path.
bool IsBackupName(absl::string_view name);

// Thread-safe.
class StoreBackups {
 public:
  using Callback = absl::AnyInvocable<void(absl::StatusOr<StoreBackup>) &&>;

  // `base`: the directory that holds them all; empty: none are made. `engine` and `clock` must
  // outlive it.
  StoreBackups(RocksDbEngine& engine, std::string base, const Clock& clock);
  // Waits for the one that is being made.
  ~StoreBackups();

  // Writes all that is in the store when it is called to `base`/`name`, on a thread of its own;
  // others write to the store meanwhile. The directory is there under its name only once it is
  // whole, on the disk, and was opened to see that it is. INVALID_ARGUMENT, of the name;
  // FAILED_PRECONDITION, reason BACKUPS_OFF or BACKUP_RUNNING (one at a time); ALREADY_EXISTS,
  // reason BACKUP_EXISTS; the system's and the engine's errors, and then nothing is left. `done` is
  // called before it returns, or on that thread, and must be short.
  void Make(std::string name, Callback done) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::StatusOr<StoreBackup> Write(const std::string& name);
  absl::Status WriteTo(const std::string& directory);

  // Constant after construction.
  RocksDbEngine& engine_;
  const std::string base_;
  const Clock& clock_;
  PosixFileSystem files_;

  Mutex mu_;
  bool is_running_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mu_);  // Of the last one.
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_STORE_BACKUPS_H_

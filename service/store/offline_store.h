// A data directory that no server uses: to look into it, to check it, to give room back.
#ifndef TASKFORGE_STORE_OFFLINE_STORE_H_
#define TASKFORGE_STORE_OFFLINE_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "store/data_directory.h"
#include "store/rocksdb_engine.h"
#include "store/store_report.h"
#include "store/sync_mark.h"

namespace taskforge {

// Holds the directory's lock, so no server starts on it meanwhile. Not thread-safe.
class OfflineStore {
 public:
  enum class Purpose { kRead, kCompact };

  // For kRead no file changes but the lock. Statuses of DataDirectory::OpenExisting and
  // RocksDbEngine. `files` and `clock` must outlive it.
  static absl::StatusOr<std::unique_ptr<OfflineStore>> Open(const std::string& path,
                                                            Purpose purpose, FileSystem& files,
                                                            const Clock& clock);

  const std::string& path() const { return directory_->path(); }
  DataFormat format() const { return format_; }
  // Of what is there, and of the mark; the mark is greater where the end of the log is missing.
  uint64_t position() const { return engine_->position(); }
  const absl::StatusOr<uint64_t>& mark() const { return mark_; }
  uint64_t disk_bytes() const { return engine_->Stats().disk_bytes; }

  absl::StatusOr<StoreReport> Inspect() const { return InspectStore(*engine_, clock_.Now()); }
  // All of VerifyRecords, what the files' own checksums say, and whether the log reaches the mark.
  absl::StatusOr<StoreProblems> Verify();
  // Drops what is over, and rewrites the files without it. REQUIRES: opened with kCompact.
  absl::Status Compact();

 private:
  OfflineStore(std::unique_ptr<DataDirectory> directory, std::unique_ptr<RocksDbEngine> engine,
               DataFormat format, absl::StatusOr<uint64_t> mark, const Clock& clock)
      : directory_(std::move(directory)),
        engine_(std::move(engine)),
        format_(format),
        mark_(std::move(mark)),
        clock_(clock) {}

  const std::unique_ptr<DataDirectory> directory_;
  const std::unique_ptr<RocksDbEngine> engine_;
  const DataFormat format_;
  const absl::StatusOr<uint64_t> mark_;
  const Clock& clock_;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_OFFLINE_STORE_H_

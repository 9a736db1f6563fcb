// The durable store's tables in RocksDB: one column family each, one log for all of them.
#ifndef TASKFORGE_STORE_ROCKSDB_ENGINE_H_
#define TASKFORGE_STORE_ROCKSDB_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "store/store_engine.h"

namespace rocksdb {
class Env;
}

namespace taskforge {

struct RocksDbEngineOptions {
  std::string path;       // Of its own directory; made if it is not there.
  std::string mark_path;  // Of the file of sync_mark.h.
  // Of all tables together, before they are written out as files.
  size_t write_buffer_bytes = size_t{64} << 20;
  // Of blocks that were read.
  size_t cache_bytes = size_t{32} << 20;
  // Opens also where the log ends before the last mark, or the mark is damaged.
  bool accept_data_loss = false;
  // Opens only what is there, changes no file, and neither looks at the mark nor writes it: to see
  // what a directory holds. All writes are refused.
  bool read_only = false;
  // How the engine reaches its files; null: as the system does. Must outlive it.
  rocksdb::Env* env = nullptr;
};

// The log is written by each batch and synced by fdatasync where the batch asks for it. A sync that
// fails is not tried again (store_engine.h): the disk may have dropped what it should have written,
// and say so only once. Recovery takes the log up to its first damaged record; how far it must go
// is what the mark says, which is written 100 ms after a sync at the latest: damage to what was
// synced before it is noticed and refused, damage to what came after it may pass for a log that
// ended there. Thread-safe.
class RocksDbEngine final : public StoreEngine {
 public:
  // The least time between two marks.
  static constexpr absl::Duration MarkInterval() { return absl::Milliseconds(100); }

  // `clock` says what has expired; it must outlive the engine. DATA_LOSS: what is there is damaged,
  // or less than was synced; the message says how to open it nevertheless.
  static absl::StatusOr<std::unique_ptr<RocksDbEngine>> Open(const RocksDbEngineOptions& options,
                                                             const Clock& clock);
  ~RocksDbEngine() override;

  std::unique_ptr<Batch> NewBatch() override;
  absl::Status Write(Batch& batch, bool sync) override;
  absl::Status Sync() override;
  absl::StatusOr<std::optional<std::string>> Get(StoreTable table,
                                                 absl::string_view key) const override;
  std::unique_ptr<Cursor> Scan(StoreTable table, absl::string_view from, absl::string_view to,
                               Direction direction) const override;
  absl::Status DropRange(StoreTable table, absl::string_view from, absl::string_view to) override;
  absl::Status CompactExpired() override;
  StoreEngineStats Stats() const override;

  // Writes a copy of all that is in the store now to `directory`, which must not be there; files
  // are linked where they can be. Others write meanwhile.
  absl::Status Checkpoint(const std::string& directory);
  // What was missing when it was opened, and was accepted (accept_data_loss); empty: nothing.
  const std::string& accepted_loss() const { return accepted_loss_; }
  // Reads everything, and compares it with its checksums.
  absl::Status Verify();
  // Rewrites all tables, without what was deleted or has expired. Slow; others write meanwhile.
  absl::Status CompactAll();
  // The position of what was written last, as in the mark.
  uint64_t position() const;

 private:
  class Core;
  static absl::StatusOr<std::unique_ptr<RocksDbEngine>> OpenReadOnly(
      const RocksDbEngineOptions& options, const Clock& clock);
  explicit RocksDbEngine(std::unique_ptr<Core> core);
  const std::unique_ptr<Core> core_;
  std::string accepted_loss_;  // Constant once it is open.
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_ROCKSDB_ENGINE_H_

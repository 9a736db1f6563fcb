// What the durable store needs of whoever keeps its bytes: ordered tables, and batches that are
// written whole or not at all.
#ifndef TASKFORGE_STORE_STORE_ENGINE_H_
#define TASKFORGE_STORE_STORE_ENGINE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/histogram.h"

namespace taskforge {

// The tables, each a map of bytes in the order of its keys. FORMAT.md says what stands in them.
enum class StoreTable : uint8_t {
  kMeta,      // What is known of the store itself.
  kLive,      // Accepted tasks that have not ended. A key is put once and taken out once.
  kProgress,  // What has happened to them.
  kEnded,     // Finished tasks. Leaves by ranges.
  kNames,     // Names that clients chose. Its entries expire.
  kRequests,  // request_ids. Its entries expire.
};
inline constexpr size_t kStoreTableCount = 6;

// The values of a table whose entries expire begin with eight bytes, big-endian: when, in
// milliseconds since the Unix epoch; 0: never. An engine may drop an entry after its time, or
// later, or never: whoever reads one looks at them.
constexpr bool EntriesExpire(StoreTable table) { return table >= StoreTable::kNames; }

struct StoreEngineStats {
  uint64_t writes = 0;          // Batches.
  uint64_t syncs = 0;           // Of the log, by batches and Sync().
  uint64_t bytes_written = 0;   // Of batches, before the engine's own overhead.
  uint64_t disk_bytes = 0;      // Files of the engine now.
  uint64_t memory_bytes = 0;    // That the engine holds now.
  uint64_t ended_records = 0;   // An estimate.
  HistogramSnapshot sync_time;  // Of writes that sync, and of Sync().
  // Notes of how far the log had reached the disk that could not be written.
  uint64_t marks_failed = 0;
  // The engine lets writes wait, or admits none, until its files are fewer.
  bool is_slowed = false;
  bool is_stopped = false;
};

// Statuses. RESOURCE_EXHAUSTED, reason STORE_FULL, of a write: there is no room on the disk;
// nothing was written, and it may be tried again. UNAVAILABLE, reason STORE_FAILED: the disk
// failed; what this write wrote is unknown, and nothing is written after it, for a sync that failed
// once may lie when it is asked again. DATA_LOSS, of a read: what was read is damaged.
//
// Thread-safe.
class StoreEngine {
 public:
  // Writes that belong together. Not thread-safe.
  class Batch {
   public:
    virtual ~Batch() = default;
    virtual void Put(StoreTable table, absl::string_view key, absl::string_view value) = 0;
    virtual void Delete(StoreTable table, absl::string_view key) = 0;
    // Cheaper. REQUIRES: the key was put exactly once since it was last deleted.
    virtual void DeleteOnce(StoreTable table, absl::string_view key) = 0;
    virtual size_t bytes() const = 0;
    // Ends it: to be filled again.
    virtual void Clear() = 0;
  };
  // A place in a table as it was when the cursor was made. Not thread-safe; keeps old files from
  // going, so it must end soon.
  class Cursor {
   public:
    virtual ~Cursor() = default;
    // False: at the end, or at an error (status()).
    virtual bool Valid() const = 0;
    virtual absl::string_view key() const = 0;
    virtual absl::string_view value() const = 0;
    virtual void Next() = 0;
    virtual absl::Status status() const = 0;
  };
  enum class Direction : uint8_t { kForward, kBackward };

  virtual ~StoreEngine() = default;

  virtual std::unique_ptr<Batch> NewBatch() = 0;
  // With `sync`: on OK the batch, and all before it, has reached the disk.
  virtual absl::Status Write(Batch& batch, bool sync) = 0;
  // What was written without a sync reaches the disk.
  virtual absl::Status Sync() = 0;

  virtual absl::StatusOr<std::optional<std::string>> Get(StoreTable table,
                                                         absl::string_view key) const = 0;
  // The keys in [from, to), `to` empty: to the end; backward: from the last of them.
  virtual std::unique_ptr<Cursor> Scan(StoreTable table, absl::string_view from,
                                       absl::string_view to, Direction direction) const = 0;
  // Drops the keys in [from, to) in bulk, without a sync.
  virtual absl::Status DropRange(StoreTable table, absl::string_view from,
                                 absl::string_view to) = 0;
  // Makes room: drops entries whose time is over. Slow; others read and write meanwhile.
  virtual absl::Status CompactExpired() = 0;

  virtual StoreEngineStats Stats() const = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_STORE_ENGINE_H_

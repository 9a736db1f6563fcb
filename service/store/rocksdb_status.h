// RocksDB's statuses and bytes as ours.
#ifndef TASKFORGE_STORE_ROCKSDB_STATUS_H_
#define TASKFORGE_STORE_ROCKSDB_STATUS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rocksdb/slice.h"
#include "rocksdb/status.h"

namespace taskforge {

inline rocksdb::Slice SliceOf(absl::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline absl::string_view ViewOf(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

// For reads and writes of an open database; as StoreEngine has them.
absl::Status ToStatus(const rocksdb::Status& status);

// For a write: whatever the database finds damaged in its files, it writes no more, and nobody may
// take that for an answer about what was asked for.
absl::Status ToWriteStatus(const rocksdb::Status& status);

}  // namespace taskforge

#endif  // TASKFORGE_STORE_ROCKSDB_STATUS_H_

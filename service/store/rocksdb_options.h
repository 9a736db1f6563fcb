// How RocksDB is set up for the durable store.
#ifndef TASKFORGE_STORE_ROCKSDB_OPTIONS_H_
#define TASKFORGE_STORE_ROCKSDB_OPTIONS_H_

#include <array>
#include <string>
#include <vector>

#include "base/clock.h"
#include "rocksdb/options.h"
#include "store/rocksdb_engine.h"
#include "store/store_engine.h"

namespace taskforge {

// Names of the column families, by StoreTable.
inline constexpr std::array<const char*, kStoreTableCount> kTableNames = {
    "default", "live", "progress", "ended", "names", "requests"};

rocksdb::DBOptions MakeDbOptions(const RocksDbEngineOptions& options);
// By StoreTable. `clock` must outlive the database.
std::vector<rocksdb::ColumnFamilyOptions> MakeTableOptions(const RocksDbEngineOptions& options,
                                                           const Clock& clock);

}  // namespace taskforge

#endif  // TASKFORGE_STORE_ROCKSDB_OPTIONS_H_

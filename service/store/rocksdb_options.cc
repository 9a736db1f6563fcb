#include "store/rocksdb_options.h"

#include <memory>

#include "rocksdb/cache.h"
#include "rocksdb/compaction_filter.h"
#include "rocksdb/env.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/table.h"
#include "store/rocksdb_log.h"
#include "store/store_keys.h"

namespace taskforge {
namespace {

// Drops entries whose time is over, where files are rewritten anyway.
class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  explicit ExpiryFilter(const Clock& clock) : clock_(clock) {}
  const char* Name() const override { return "taskforge.expiry"; }
  bool FilterMergeOperand(int, const rocksdb::Slice&, const rocksdb::Slice&) const override {
    return false;
  }
  bool Filter(int /*level*/, const rocksdb::Slice& /*key*/, const rocksdb::Slice& value,
              std::string* /*new_value*/, bool* /*value_changed*/) const override {
    const std::optional<Expiring> entry = ParseExpiring({value.data(), value.size()});
    return entry.has_value() && entry->expires <= clock_.Now();
  }

 private:
  const Clock& clock_;
};

class ExpiryFilters final : public rocksdb::CompactionFilterFactory {
 public:
  explicit ExpiryFilters(const Clock& clock) : clock_(clock) {}
  const char* Name() const override { return "taskforge.expiry"; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& /*context*/) override {
    return std::make_unique<ExpiryFilter>(clock_);
  }

 private:
  const Clock& clock_;
};

constexpr uint64_t kLogFactor = 4;  // The log may be this many times the write buffer.
constexpr int kBloomBits = 10;
constexpr double kMemtableBloom = 0.05;
constexpr int kOpenFiles = 512;

}  // namespace

rocksdb::DBOptions MakeDbOptions(const RocksDbEngineOptions& options) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.paranoid_checks = true;
  db.track_and_verify_wals_in_manifest = true;
  // The tail that a crash tore is cut off; how much that may be is what the mark says.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  // So that who refuses what it found leaves it as it was.
  db.avoid_flush_during_recovery = true;
  db.recycle_log_file_num = 0;  // An old file's records must not be taken for new ones.
  db.db_write_buffer_size = options.write_buffer_bytes;
  db.max_total_wal_size = kLogFactor * options.write_buffer_bytes;
  db.max_open_files = kOpenFiles;
  db.max_background_jobs = 2;
  db.bytes_per_sync = size_t{1} << 20;  // Of table files, so that no large one is flushed at once.
  db.info_log = std::make_shared<RocksDbLog>(options.path);
  db.stats_dump_period_sec = 0;  // An idle server wakes up for nothing.
  db.stats_persist_period_sec = 0;
  if (options.env != nullptr) db.env = options.env;
  return db;
}

std::vector<rocksdb::ColumnFamilyOptions> MakeTableOptions(const RocksDbEngineOptions& options,
                                                           const Clock& clock) {
  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = rocksdb::NewLRUCache(options.cache_bytes);
  blocks.cache_index_and_filter_blocks = true;
  blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBits));
  blocks.format_version = 5;
  const std::shared_ptr<rocksdb::TableFactory> factory(rocksdb::NewBlockBasedTableFactory(blocks));
  std::vector<rocksdb::ColumnFamilyOptions> tables(kStoreTableCount);
  for (size_t i = 0; i < tables.size(); ++i) {
    rocksdb::ColumnFamilyOptions& table = tables[i];
    table.table_factory = factory;
    table.write_buffer_size = options.write_buffer_bytes;  // The limit of all decides.
    table.compression = rocksdb::kNoCompression;
    table.periodic_compaction_seconds = 0;
    table.ttl = 0;
    const auto which = static_cast<StoreTable>(i);
    if (which == StoreTable::kEnded) table.compression = rocksdb::kLZ4Compression;
    if (!EntriesExpire(which)) continue;
    table.compaction_filter_factory = std::make_shared<ExpiryFilters>(clock);
    table.memtable_whole_key_filtering = true;
    table.memtable_prefix_bloom_size_ratio = kMemtableBloom;
  }
  return tables;
}

}  // namespace taskforge

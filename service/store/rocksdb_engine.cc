#include "store/rocksdb_engine.h"

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/file_system.h"
#include "base/mutex.h"
#include "rocksdb/convenience.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/listener.h"
#include "rocksdb/utilities/checkpoint.h"
#include "rocksdb/write_batch.h"
#include "store/rocksdb_cursor.h"
#include "store/rocksdb_options.h"
#include "store/rocksdb_status.h"
#include "store/sync_mark.h"

namespace taskforge {
namespace {

class EngineBatch final : public StoreEngine::Batch {
 public:
  explicit EngineBatch(const std::vector<rocksdb::ColumnFamilyHandle*>& tables) : tables_(tables) {}

  void Put(StoreTable table, absl::string_view key, absl::string_view value) override {
    Check(batch_.Put(At(table), SliceOf(key), SliceOf(value)));
  }
  void Delete(StoreTable table, absl::string_view key) override {
    Check(batch_.Delete(At(table), SliceOf(key)));
  }
  void DeleteOnce(StoreTable table, absl::string_view key) override {
    Check(batch_.SingleDelete(At(table), SliceOf(key)));
  }
  size_t bytes() const override { return batch_.GetDataSize(); }
  void Clear() override {
    batch_.Clear();
    status_ = rocksdb::Status();
  }

  rocksdb::WriteBatch& batch() { return batch_; }
  // The first thing that could not be added.
  const rocksdb::Status& status() const { return status_; }

 private:
  rocksdb::ColumnFamilyHandle* At(StoreTable table) const {
    return tables_[static_cast<size_t>(table)];
  }
  void Check(const rocksdb::Status& status) {
    if (status_.ok()) status_ = status;
  }

  const std::vector<rocksdb::ColumnFamilyHandle*>& tables_;
  rocksdb::WriteBatch batch_;
  rocksdb::Status status_;
};

// The database's own log, where nothing may be written.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*values*/) override {}
};

// Notes that a write to the log failed, which the database hears of before whoever wrote.
class LogFailures final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                         rocksdb::Status* /*error*/) override {
    if (reason == rocksdb::BackgroundErrorReason::kWriteCallback) has_failed_.store(true);
  }
  // Whether one did since the last call.
  bool Take() { return has_failed_.exchange(false); }

 private:
  std::atomic<bool> has_failed_{false};
};

}  // namespace

class RocksDbEngine::Core {
 public:
  Core(std::unique_ptr<rocksdb::DB> db, std::vector<rocksdb::ColumnFamilyHandle*> tables,
       std::unique_ptr<SyncMark> mark, std::shared_ptr<LogFailures> log_failures)
      : tables_(std::move(tables)),
        db_(std::move(db)),
        log_failures_(std::move(log_failures)),
        logged_(db_->GetLatestSequenceNumber()),
        mark_(std::move(mark)) {
    if (mark_ != nullptr) marker_ = std::thread([this] { KeepMarking(); });
  }

  ~Core() {
    {
      MutexLock lock(mark_mu_);
      is_stopping_ = true;
    }
    mark_due_.SignalAll();
    if (marker_.joinable()) marker_.join();
    for (rocksdb::ColumnFamilyHandle* table : tables_) {
      // What it says is said by Close(), too.
      (void)db_->DestroyColumnFamilyHandle(table);
    }
    (void)db_->Close();
  }

  std::unique_ptr<Batch> NewBatch() { return std::make_unique<EngineBatch>(tables_); }

  absl::Status Write(Batch& batch, bool sync) {
    auto& ours = static_cast<EngineBatch&>(batch);
    if (!ours.status().ok()) return ToWriteStatus(ours.status());
    const size_t bytes = ours.bytes();
    rocksdb::WriteOptions options;
    options.sync = sync;
    MutexLock lock(write_mu_);
    const MonoTime begin = sync ? clock_.Monotonic() : MonoTime();
    const absl::Status status = Guarded([&] { return db_->Write(options, &ours.batch()); });
    if (!status.ok()) return status;
    logged_ = db_->GetLatestSequenceNumber();  // Nobody else writes now.
    writes_.fetch_add(1, std::memory_order_relaxed);
    bytes_written_.fetch_add(bytes, std::memory_order_relaxed);
    if (sync) NoteSynced(begin);
    return status;
  }

  absl::Status Sync() {
    MutexLock lock(write_mu_);
    const MonoTime begin = clock_.Monotonic();
    const absl::Status status = Guarded([&] { return db_->SyncWAL(); });
    if (status.ok()) NoteSynced(begin);
    return status;
  }

  absl::StatusOr<std::optional<std::string>> Get(StoreTable table, absl::string_view key) const {
    std::string value;
    const rocksdb::Status status =
        db_->Get(rocksdb::ReadOptions(), At(table), SliceOf(key), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return ToStatus(status);
    return value;
  }

  std::unique_ptr<Cursor> Scan(StoreTable table, absl::string_view from, absl::string_view to,
                               Direction direction) const {
    return std::make_unique<EngineCursor>(*db_, At(table), from, to, direction);
  }

  absl::Status DropRange(StoreTable table, absl::string_view from, absl::string_view to) {
    // Whole files first: they go without being read.
    const rocksdb::Slice first = SliceOf(from);
    const rocksdb::Slice end = SliceOf(to);
    rocksdb::Status status =
        rocksdb::DeleteFilesInRange(db_.get(), At(table), &first, &end, /*include_end=*/false);
    if (!status.ok()) return ToWriteStatus(status);
    MutexLock lock(write_mu_);
    const absl::Status dropped =
        Guarded([&] { return db_->DeleteRange(rocksdb::WriteOptions(), At(table), first, end); });
    if (dropped.ok()) logged_ = db_->GetLatestSequenceNumber();
    return dropped;
  }

  // Of the tables for which `which` is true.
  template <typename Which>
  absl::Status Compact(Which which) {
    for (size_t i = 0; i < tables_.size(); ++i) {
      if (!which(static_cast<StoreTable>(i))) continue;
      rocksdb::CompactRangeOptions options;
      // The lowest level too: only there deletions themselves go.
      options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
      const rocksdb::Status status = db_->CompactRange(options, tables_[i], nullptr, nullptr);
      if (!status.ok()) return ToStatus(status);
    }
    return absl::OkStatus();
  }

  uint64_t position() const { return db_->GetLatestSequenceNumber(); }

  StoreEngineStats Stats() const {
    StoreEngineStats stats;
    stats.writes = writes_.load(std::memory_order_relaxed);
    stats.syncs = syncs_.load(std::memory_order_relaxed);
    stats.bytes_written = bytes_written_.load(std::memory_order_relaxed);
    stats.disk_bytes = Sum(rocksdb::DB::Properties::kTotalSstFilesSize) + LogBytes();
    stats.memory_bytes = Sum(rocksdb::DB::Properties::kCurSizeAllMemTables) +
                         Sum(rocksdb::DB::Properties::kEstimateTableReadersMem);
    uint64_t cached = 0;
    if (db_->GetIntProperty(rocksdb::DB::Properties::kBlockCacheUsage, &cached)) {
      stats.memory_bytes += cached;
    }
    uint64_t ended = 0;
    if (db_->GetIntProperty(At(StoreTable::kEnded), rocksdb::DB::Properties::kEstimateNumKeys,
                            &ended)) {
      stats.ended_records = ended;
    }
    sync_time_.AddTo(stats.sync_time);
    stats.marks_failed = marks_failed_.load(std::memory_order_relaxed);
    uint64_t value = 0;
    stats.is_slowed =
        db_->GetIntProperty(rocksdb::DB::Properties::kActualDelayedWriteRate, &value) && value != 0;
    value = 0;
    stats.is_stopped =
        db_->GetIntProperty(rocksdb::DB::Properties::kIsWriteStopped, &value) && value != 0;
    return stats;
  }

  absl::Status Checkpoint(const std::string& directory) {
    rocksdb::Checkpoint* made = nullptr;
    rocksdb::Status status = rocksdb::Checkpoint::Create(db_.get(), &made);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    if (status.ok()) status = checkpoint->CreateCheckpoint(directory);
    return ToStatus(status);
  }

  absl::Status Verify() { return ToStatus(db_->VerifyChecksum()); }

 private:
  rocksdb::ColumnFamilyHandle* At(StoreTable table) const {
    return tables_[static_cast<size_t>(table)];
  }

  // Writes, unless a write failed for good before. After one that found the disk full it first asks
  // the database to take writes again, for it takes none by itself then.
  template <typename Action>
  absl::Status Guarded(Action action) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_) {
    if (!failure_.ok()) return failure_;
    absl::Status status = is_full_ ? Resume() : absl::OkStatus();
    if (status.ok()) status = ToWriteStatus(action());
    is_full_ = absl::IsResourceExhausted(status);
    if (log_failures_->Take()) failed_log_ = LogNumber();
    if (!status.ok() && !is_full_) failure_ = status;
    return status;
  }

  // The database begins its log anew, and so leaves behind what a full disk cut off; but only if a
  // table has something to write out. A log that had an error must not be written to: the database
  // ends the process then.
  absl::Status Resume() ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_) {
    const rocksdb::Status resumed = db_->Resume();
    if (!resumed.ok()) return ToWriteStatus(resumed);
    if (failed_log_ != 0 && failed_log_ == LogNumber()) {
      return ReasonError(absl::StatusCode::kUnavailable, "STORE_FAILED",
                         "the store's log ended where the disk was full, and could not be begun "
                         "anew: the next start does that");
    }
    // So that there is something to write out if the next write finds the disk full again. Not in
    // the log, and of no meaning.
    rocksdb::WriteOptions unlogged;
    unlogged.disableWAL = true;
    return ToWriteStatus(db_->Put(unlogged, At(StoreTable::kMeta), "resumed", ""));
  }

  uint64_t LogNumber() const {
    std::unique_ptr<rocksdb::LogFile> log;
    return db_->GetCurrentWalFile(&log).ok() ? log->LogNumber() : 0;
  }

  void NoteSynced(MonoTime begin) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_) {
    syncs_.fetch_add(1, std::memory_order_relaxed);
    sync_time_.Record(clock_.Monotonic() - begin);
    const uint64_t position = logged_;
    bool was_marked = false;
    {
      MutexLock lock(mark_mu_);
      was_marked = synced_ == marked_;
      synced_ = position;
    }
    if (was_marked) mark_due_.Signal();
  }

  void KeepMarking() {
    MutexLock lock(mark_mu_);
    while (true) {
      while (synced_ == marked_ && !is_stopping_) mark_due_.Wait(mark_mu_);
      if (synced_ == marked_) return;
      const uint64_t position = synced_;
      mark_mu_.Unlock();
      const absl::Status status = mark_->Write(position);
      mark_mu_.Lock();
      if (status.ok()) {
        marked_ = position;
      } else {
        // Without a mark the detector is blind, but nothing is lost. It is tried again.
        marks_failed_.fetch_add(1, std::memory_order_relaxed);
        if (is_stopping_) return;
      }
      const MonoTime next = clock_.Monotonic() + MarkInterval();
      while (!is_stopping_ && mark_due_.WaitUntil(mark_mu_, next)) {
      }
    }
  }

  uint64_t Sum(const std::string& property) const {
    uint64_t sum = 0;
    return db_->GetAggregatedIntProperty(property, &sum) ? sum : 0;
  }
  uint64_t LogBytes() const {
    rocksdb::VectorLogPtr logs;
    uint64_t sum = 0;
    if (!db_->GetSortedWalFiles(logs).ok()) return 0;
    for (const auto& log : logs) sum += log->SizeFileBytes();
    return sum;
  }

  const SystemClock clock_;  // On which threads sleep, and by which disks are measured.
  const std::vector<rocksdb::ColumnFamilyHandle*> tables_;
  const std::unique_ptr<rocksdb::DB> db_;

  // Held while the disk is written: by those who write, and by nobody who must not wait.
  Mutex write_mu_ ABSL_ACQUIRED_BEFORE(mark_mu_);
  absl::Status failure_ ABSL_GUARDED_BY(write_mu_);
  bool is_full_ ABSL_GUARDED_BY(write_mu_) = false;
  const std::shared_ptr<LogFailures> log_failures_;
  uint64_t failed_log_ ABSL_GUARDED_BY(write_mu_) = 0;  // The number of one that had an error.
  uint64_t logged_ ABSL_GUARDED_BY(write_mu_);  // The last sequence number that is in the log.
  // Relaxed, all: counts.
  std::atomic<uint64_t> writes_{0};
  std::atomic<uint64_t> syncs_{0};
  std::atomic<uint64_t> bytes_written_{0};
  std::atomic<uint64_t> marks_failed_{0};
  SingleWriterHistogram sync_time_;  // Of whoever holds write_mu_.

  Mutex mark_mu_;
  CondVar mark_due_;
  uint64_t synced_ ABSL_GUARDED_BY(mark_mu_) = 0;
  uint64_t marked_ ABSL_GUARDED_BY(mark_mu_) = 0;
  bool is_stopping_ ABSL_GUARDED_BY(mark_mu_) = false;
  const std::unique_ptr<SyncMark> mark_;  // Of the marker's thread. Null: nothing is written.
  std::thread marker_;
};

namespace {

absl::Status OpenError(const RocksDbEngineOptions& options, const rocksdb::Status& status) {
  const absl::Status plain = ToStatus(status);
  return absl::Status(plain.code(),
                      absl::StrCat("cannot open ", options.path, ": ", status.ToString()));
}

absl::Status LossError(const RocksDbEngineOptions& options, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat(options.path, ": ", what,
                   ". Nothing was changed. Restore a backup, or start once with "
                   "--store-accept-data-loss to go on with what is left"));
}

// What the database itself does not open; nothing helps here but what was kept elsewhere.
absl::Status DamageError(const RocksDbEngineOptions& options, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat(options.path, ": ", what, ". Nothing was changed. Restore a backup"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RocksDbEngine>> RocksDbEngine::OpenReadOnly(
    const RocksDbEngineOptions& options, const Clock& clock) {
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  const std::vector<rocksdb::ColumnFamilyOptions> tables = MakeTableOptions(options, clock);
  for (size_t i = 0; i < tables.size(); ++i) descriptors.emplace_back(kTableNames[i], tables[i]);
  rocksdb::DBOptions db_options = MakeDbOptions(options);
  db_options.create_if_missing = false;
  db_options.create_missing_column_families = false;
  db_options.info_log = std::make_shared<NoLog>();
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::OpenForReadOnly(db_options, options.path, descriptors, &handles, &opened);
  if (status.IsCorruption()) return DamageError(options, status.ToString());
  if (!status.ok()) return OpenError(options, status);
  auto core = std::make_unique<Core>(std::unique_ptr<rocksdb::DB>(opened), std::move(handles),
                                     nullptr, std::make_shared<LogFailures>());
  return std::unique_ptr<RocksDbEngine>(new RocksDbEngine(std::move(core)));
}

absl::StatusOr<std::unique_ptr<RocksDbEngine>> RocksDbEngine::Open(
    const RocksDbEngineOptions& options, const Clock& clock) {
  if (options.read_only) return OpenReadOnly(options, clock);
  PosixFileSystem files;
  absl::StatusOr<std::unique_ptr<SyncMark>> mark = SyncMark::Open(files, options.mark_path);
  std::string lost_mark;
  if (absl::IsDataLoss(mark.status()) && options.accept_data_loss) {
    lost_mark = std::string(mark.status().message());
    rocksdb::Env* const env = options.env == nullptr ? rocksdb::Env::Default() : options.env;
    const rocksdb::Status removed = env->DeleteFile(options.mark_path);
    if (!removed.ok()) return OpenError(options, removed);
    mark = SyncMark::Open(files, options.mark_path);
  }
  if (absl::IsDataLoss(mark.status())) return LossError(options, mark.status().message());
  if (!mark.ok()) return mark.status();

  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  const std::vector<rocksdb::ColumnFamilyOptions> tables = MakeTableOptions(options, clock);
  for (size_t i = 0; i < tables.size(); ++i) descriptors.emplace_back(kTableNames[i], tables[i]);
  const auto log_failures = std::make_shared<LogFailures>();
  rocksdb::DBOptions db_options = MakeDbOptions(options);
  db_options.listeners.push_back(log_failures);
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(db_options, options.path, descriptors, &handles, &opened);
  if (!status.ok()) {
    if (status.IsCorruption()) return DamageError(options, status.ToString());
    return OpenError(options, status);
  }
  std::unique_ptr<rocksdb::DB> db(opened);
  const uint64_t found = db->GetLatestSequenceNumber();
  const uint64_t marked = (*mark)->position();
  auto core =
      std::make_unique<Core>(std::move(db), std::move(handles), *std::move(mark), log_failures);
  std::unique_ptr<RocksDbEngine> engine(new RocksDbEngine(std::move(core)));
  engine->accepted_loss_ = std::move(lost_mark);
  if (found < marked) {
    const std::string loss = absl::StrCat("the log ends at ", found, ", but it was synced up to ",
                                          marked, ": the end of it is damaged or missing");
    if (!options.accept_data_loss) return LossError(options, loss);
    engine->accepted_loss_ = loss;
  }
  return engine;
}

RocksDbEngine::RocksDbEngine(std::unique_ptr<Core> core) : core_(std::move(core)) {}
RocksDbEngine::~RocksDbEngine() = default;

std::unique_ptr<StoreEngine::Batch> RocksDbEngine::NewBatch() { return core_->NewBatch(); }
absl::Status RocksDbEngine::Write(Batch& batch, bool sync) { return core_->Write(batch, sync); }
absl::Status RocksDbEngine::Sync() { return core_->Sync(); }
absl::StatusOr<std::optional<std::string>> RocksDbEngine::Get(StoreTable table,
                                                              absl::string_view key) const {
  return core_->Get(table, key);
}
std::unique_ptr<StoreEngine::Cursor> RocksDbEngine::Scan(StoreTable table, absl::string_view from,
                                                         absl::string_view to,
                                                         Direction direction) const {
  return core_->Scan(table, from, to, direction);
}
absl::Status RocksDbEngine::DropRange(StoreTable table, absl::string_view from,
                                      absl::string_view to) {
  return core_->DropRange(table, from, to);
}
absl::Status RocksDbEngine::CompactExpired() { return core_->Compact(EntriesExpire); }
absl::Status RocksDbEngine::CompactAll() {
  return core_->Compact([](StoreTable /*any*/) { return true; });
}
uint64_t RocksDbEngine::position() const { return core_->position(); }
StoreEngineStats RocksDbEngine::Stats() const { return core_->Stats(); }
absl::Status RocksDbEngine::Checkpoint(const std::string& directory) {
  return core_->Checkpoint(directory);
}
absl::Status RocksDbEngine::Verify() { return core_->Verify(); }

}  // namespace taskforge

// A store engine in memory that can lose what was not synced, and fail, as a disk does.
#ifndef TASKFORGE_SUPPORT_SIM_ENGINE_H_
#define TASKFORGE_SUPPORT_SIM_ENGINE_H_

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "store/store_engine.h"

namespace taskforge {

// The bytes of a disk: they outlive the engines on it. A write goes into the log; a sync moves the
// log to what is kept; a crash cuts the log off. Thread-safe.
class SimDisk {
 public:
  using Tables = std::array<std::map<std::string, std::string>, kStoreTableCount>;
  struct Change {
    StoreTable table;
    std::string key;
    std::optional<std::string> value;  // None: deleted.
    std::string range_end;             // Not empty: all of [key, range_end) is deleted.
  };
  using Log = std::vector<std::vector<Change>>;

  // From the n-th write or sync on, counted from now and from 1, each fails with this status.
  void FailFrom(int nth_write, absl::Status status) {
    MutexLock lock(mu_);
    fail_in_ = nth_write;
    failure_ = std::move(status);
  }
  // Power goes: of what was not synced the first `kept` batches had reached the disk.
  void Crash(size_t kept = 0) {
    MutexLock lock(mu_);
    now_ = synced_;
    for (size_t i = 0; i < std::min(kept, log_.size()); ++i) Apply(log_[i], now_);
    synced_ = now_;
    log_.clear();
    fail_in_ = 0;
    failure_ = absl::OkStatus();
  }
  size_t unsynced() const {
    MutexLock lock(mu_);
    return log_.size();
  }
  uint64_t syncs() const {
    MutexLock lock(mu_);
    return syncs_;
  }
  uint64_t writes() const {
    MutexLock lock(mu_);
    return writes_;
  }
  size_t Count(StoreTable table) const {
    MutexLock lock(mu_);
    return now_[static_cast<size_t>(table)].size();
  }

  // Called as each write begins, on the thread that writes, without a lock held. To be set while
  // nobody writes.
  std::function<void()> before_write;

  absl::Status Write(std::vector<Change> changes, bool sync) {
    if (before_write) before_write();
    MutexLock lock(mu_);
    if (fail_in_ > 0 && --fail_in_ == 0) is_failing_ = true;
    if (is_failing_ && !failure_.ok()) return failure_;
    is_failing_ = false;
    ++writes_;
    Apply(changes, now_);
    log_.push_back(std::move(changes));
    if (sync) SyncLog();
    return absl::OkStatus();
  }
  absl::Status Sync() {
    MutexLock lock(mu_);
    if (fail_in_ > 0 && --fail_in_ == 0) is_failing_ = true;
    if (is_failing_ && !failure_.ok()) return failure_;
    SyncLog();
    return absl::OkStatus();
  }
  std::map<std::string, std::string> Table(StoreTable table) const {
    MutexLock lock(mu_);
    return now_[static_cast<size_t>(table)];
  }
  std::optional<std::string> Get(StoreTable table, absl::string_view key) const {
    MutexLock lock(mu_);
    const auto& entries = now_[static_cast<size_t>(table)];
    const auto it = entries.find(std::string(key));
    return it == entries.end() ? std::nullopt : std::optional(it->second);
  }

 private:
  static void Apply(const std::vector<Change>& changes, Tables& tables) {
    for (const Change& change : changes) {
      auto& table = tables[static_cast<size_t>(change.table)];
      if (!change.range_end.empty()) {
        table.erase(table.lower_bound(change.key), table.lower_bound(change.range_end));
      } else if (change.value.has_value()) {
        table[change.key] = *change.value;
      } else {
        table.erase(change.key);
      }
    }
  }
  void SyncLog() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    ++syncs_;
    for (const std::vector<Change>& changes : log_) Apply(changes, synced_);
    log_.clear();
  }

  mutable Mutex mu_;
  Tables now_ ABSL_GUARDED_BY(mu_);
  Tables synced_ ABSL_GUARDED_BY(mu_);
  Log log_ ABSL_GUARDED_BY(mu_);
  uint64_t syncs_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t writes_ ABSL_GUARDED_BY(mu_) = 0;
  int fail_in_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_failing_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
};

// `disk` must outlive it. Thread-safe.
class SimEngine final : public StoreEngine {
 public:
  explicit SimEngine(SimDisk& disk) : disk_(disk) {}

  std::unique_ptr<Batch> NewBatch() override { return std::make_unique<SimBatch>(); }
  absl::Status Write(Batch& batch, bool sync) override {
    return disk_.Write(static_cast<SimBatch&>(batch).changes, sync);
  }
  absl::Status Sync() override { return disk_.Sync(); }
  absl::StatusOr<std::optional<std::string>> Get(StoreTable table,
                                                 absl::string_view key) const override {
    return disk_.Get(table, key);
  }
  std::unique_ptr<Cursor> Scan(StoreTable table, absl::string_view from, absl::string_view to,
                               Direction direction) const override {
    return std::make_unique<SimCursor>(disk_.Table(table), from, to, direction);
  }
  absl::Status DropRange(StoreTable table, absl::string_view from, absl::string_view to) override {
    return disk_.Write({{table, std::string(from), std::nullopt, std::string(to)}}, false);
  }
  absl::Status CompactExpired() override { return absl::OkStatus(); }
  StoreEngineStats Stats() const override {
    StoreEngineStats stats;
    stats.syncs = disk_.syncs();
    stats.writes = disk_.writes();
    stats.ended_records = disk_.Count(StoreTable::kEnded);
    return stats;
  }

 private:
  struct SimBatch final : Batch {
    void Put(StoreTable table, absl::string_view key, absl::string_view value) override {
      changes.push_back({table, std::string(key), std::string(value), ""});
    }
    void Delete(StoreTable table, absl::string_view key) override {
      changes.push_back({table, std::string(key), std::nullopt, ""});
    }
    void DeleteOnce(StoreTable table, absl::string_view key) override { Delete(table, key); }
    size_t bytes() const override { return changes.size(); }
    void Clear() override { changes.clear(); }
    std::vector<SimDisk::Change> changes;
  };

  class SimCursor final : public Cursor {
   public:
    SimCursor(std::map<std::string, std::string> table, absl::string_view from,
              absl::string_view to, Direction direction)
        : entries_(table.lower_bound(std::string(from)),
                   to.empty() ? table.end() : table.lower_bound(std::string(std::max(from, to)))) {
      if (direction == Direction::kBackward) std::reverse(entries_.begin(), entries_.end());
    }
    bool Valid() const override { return at_ < entries_.size(); }
    absl::string_view key() const override { return entries_[at_].first; }
    absl::string_view value() const override { return entries_[at_].second; }
    void Next() override { ++at_; }
    absl::Status status() const override { return absl::OkStatus(); }

   private:
    std::vector<std::pair<std::string, std::string>> entries_;
    size_t at_ = 0;
  };

  SimDisk& disk_;
};

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_SIM_ENGINE_H_

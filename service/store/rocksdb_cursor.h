// A place in a table of RocksDB.
#ifndef TASKFORGE_STORE_ROCKSDB_CURSOR_H_
#define TASKFORGE_STORE_ROCKSDB_CURSOR_H_

#include <memory>
#include <string>

#include "rocksdb/db.h"
#include "store/rocksdb_status.h"
#include "store/store_engine.h"

namespace taskforge {

// StoreEngine::Cursor. `db` must outlive it. Not thread-safe.
class EngineCursor final : public StoreEngine::Cursor {
 public:
  EngineCursor(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* table, absl::string_view from,
               absl::string_view to, StoreEngine::Direction direction)
      : from_(from), to_(to), direction_(direction) {
    from_slice_ = from_;
    to_slice_ = to_;
    rocksdb::ReadOptions options;
    options.iterate_lower_bound = &from_slice_;
    if (!to_.empty()) options.iterate_upper_bound = &to_slice_;
    iterator_.reset(db.NewIterator(options, table));
    if (direction_ == StoreEngine::Direction::kForward) {
      iterator_->SeekToFirst();
    } else {
      iterator_->SeekToLast();
    }
  }

  bool Valid() const override { return iterator_->Valid(); }
  absl::string_view key() const override { return ViewOf(iterator_->key()); }
  absl::string_view value() const override { return ViewOf(iterator_->value()); }
  void Next() override {
    if (direction_ == StoreEngine::Direction::kForward) {
      iterator_->Next();
    } else {
      iterator_->Prev();
    }
  }
  absl::Status status() const override { return ToStatus(iterator_->status()); }

 private:
  const std::string from_;
  const std::string to_;
  const StoreEngine::Direction direction_;
  rocksdb::Slice from_slice_;
  rocksdb::Slice to_slice_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_ROCKSDB_CURSOR_H_

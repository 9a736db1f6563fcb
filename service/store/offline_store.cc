#include "store/offline_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "store/task_tables.h"

namespace taskforge {

absl::StatusOr<std::unique_ptr<OfflineStore>> OfflineStore::Open(const std::string& path,
                                                                 Purpose purpose, FileSystem& files,
                                                                 const Clock& clock) {
  absl::StatusOr<std::unique_ptr<DataDirectory>> directory =
      DataDirectory::OpenExisting(files, path);
  if (!directory.ok()) return directory.status();
  const absl::StatusOr<std::string> text = files.ReadFile(path + "/FORMAT");
  if (!text.ok()) return text.status();
  const absl::StatusOr<DataFormat> format = ParseDataFormat(*text);
  if (!format.ok()) return format.status();
  absl::StatusOr<uint64_t> mark = SyncMark::ReadPosition(files, (*directory)->mark_path());
  RocksDbEngineOptions options;
  options.path = (*directory)->engine_path();
  options.mark_path = (*directory)->mark_path();
  options.read_only = purpose == Purpose::kRead;
  absl::StatusOr<std::unique_ptr<RocksDbEngine>> engine = RocksDbEngine::Open(options, clock);
  if (!engine.ok()) return engine.status();
  return std::unique_ptr<OfflineStore>(
      new OfflineStore(*std::move(directory), *std::move(engine), *format, std::move(mark), clock));
}

absl::StatusOr<StoreProblems> OfflineStore::Verify() {
  StoreProblems found;
  const auto add = [&](std::string what) {
    ++found.count;
    found.told.push_back(std::move(what));
  };
  if (!mark_.ok()) {
    add(absl::StrCat("the mark of what was synced cannot be read: ", mark_.status().message()));
  } else if (position() < *mark_) {
    add(absl::StrCat("the log ends at ", position(), ", but it was synced up to ", *mark_,
                     ": its end is damaged or missing, and with it tasks that were acknowledged"));
  }
  const absl::Status sums = engine_->Verify();
  if (!sums.ok()) add(absl::StrCat("the files' checksums: ", sums.message()));
  absl::StatusOr<StoreProblems> records = VerifyRecords(*engine_, clock_.Now());
  if (!records.ok()) {
    add(absl::StrCat("not all records can be read: ", records.status().message()));
    return found;
  }
  found.count += records->count;
  found.records = records->records;
  for (std::string& each : records->told) found.told.push_back(std::move(each));
  return found;
}

absl::Status OfflineStore::Compact() {
  const absl::StatusOr<std::unique_ptr<TaskTables>> tables = TaskTables::Open(*engine_);
  if (!tables.ok()) return tables.status();
  const absl::StatusOr<bool> swept = (*tables)->Sweep(clock_.Now());
  if (!swept.ok()) return swept.status();
  // What the sweep wrote is on the disk before the files that it emptied go.
  const absl::Status synced = engine_->Sync();
  if (!synced.ok()) return synced;
  return engine_->CompactAll();
}

}  // namespace taskforge

#include "store/store_backups.h"

#include <pthread.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "store/data_directory.h"
#include "store/sync_mark.h"

namespace taskforge {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestName = 64;
// Of a backup that is not whole yet: no client can name it so.
constexpr char kUnfinished[] = ".unfinished-";

absl::Status SystemError(const std::error_code& error, absl::string_view action,
                         absl::string_view path) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", action, " ", path, ": ", error.message(), " (store.backup_dir)"));
}

absl::Status CheckName(absl::string_view name) {
  if (IsBackupName(name)) return absl::OkStatus();
  return InvalidArgument(
      {{"name",
        "want 1 to 64 of a-z, 0-9, '-', '_' and '.', the first a letter or a digit: a name "
        "in store.backup_dir, and no path"}});
}

absl::Status Off() {
  return ReasonError(absl::StatusCode::kFailedPrecondition, "BACKUPS_OFF",
                     "this server makes no backups: name a directory for them at its start "
                     "(store.backup_dir)");
}

absl::Status Running() {
  return ReasonError(absl::StatusCode::kFailedPrecondition, "BACKUP_RUNNING",
                     "a backup is being made, and one is made at a time: wait until it is done");
}

uint64_t BytesIn(const fs::path& directory) {
  uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;  // For people: what cannot be asked counts for nothing.
    const uint64_t size = it->is_regular_file(ignored) ? it->file_size(ignored) : 0;
    if (!ignored) bytes += size;
  }
  return bytes;
}

}  // namespace

bool IsBackupName(absl::string_view name) {
  const auto is_plain = [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c);
  };
  return !name.empty() && name.size() <= kLongestName && is_plain(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_plain(c) || c == '-' || c == '_' || c == '.'; });
}

StoreBackups::StoreBackups(RocksDbEngine& engine, std::string base, const Clock& clock)
    : engine_(engine), base_(std::move(base)), clock_(clock) {}

StoreBackups::~StoreBackups() {
  std::thread last;
  {
    MutexLock lock(mu_);
    is_running_ = true;  // No other one begins.
    last = std::move(thread_);
  }
  if (last.joinable()) last.join();
}

void StoreBackups::Make(std::string name, Callback done) {
  absl::Status status = CheckName(name);
  if (status.ok() && base_.empty()) status = Off();
  if (!status.ok()) return std::move(done)(status);
  std::thread last;
  {
    MutexLock lock(mu_);
    if (!std::exchange(is_running_, true)) {
      last = std::move(thread_);  // It has told of its end, and holds no lock but this one.
      thread_ = std::thread([this, name = std::move(name), done = std::move(done)]() mutable {
        pthread_setname_np(pthread_self(), "tf-backup");
        absl::StatusOr<StoreBackup> made = Write(name);
        {
          MutexLock running(mu_);
          is_running_ = false;
        }
        std::move(done)(std::move(made));
      });
      done = nullptr;
    }
  }
  if (last.joinable()) last.join();
  if (done) std::move(done)(Running());
}

absl::StatusOr<StoreBackup> StoreBackups::Write(const std::string& name) {
  const MonoTime begin = clock_.Monotonic();
  const fs::path target = fs::path(base_) / name;
  const fs::path unfinished = fs::path(base_) / absl::StrCat(kUnfinished, name);
  std::error_code error;
  if (fs::create_directories(base_, error)) {
    fs::permissions(base_, fs::perms::owner_all, error);
  }
  if (error) return SystemError(error, "make", base_);
  if (fs::exists(target, error)) {
    return ReasonError(
        absl::StatusCode::kAlreadyExists, "BACKUP_EXISTS",
        absl::StrCat("there is ", target.string(), " already: take another name, or remove it"));
  }
  fs::remove_all(unfinished, error);  // Of a server that ended as it made it.
  if (!error) fs::create_directory(unfinished, error);
  if (!error) fs::permissions(unfinished, fs::perms::owner_all, error);
  if (error) return SystemError(error, "make", unfinished.string());
  absl::Status status = WriteTo(unfinished);
  if (status.ok()) {
    fs::rename(unfinished, target, error);
    if (error) status = SystemError(error, "rename", unfinished.string());
  }
  if (status.ok()) status = files_.SyncDirectory(base_);
  if (!status.ok()) {
    fs::remove_all(unfinished, error);  // What the status says is worse than what is left.
    return status;
  }
  return StoreBackup{target, BytesIn(target), absl::Nanoseconds(clock_.Monotonic() - begin)};
}

absl::Status StoreBackups::WriteTo(const std::string& directory) {
  const std::string db = directory + "/db";
  absl::Status status = engine_.Checkpoint(db);
  if (!status.ok()) return status;
  RocksDbEngineOptions options;
  options.path = db;
  options.read_only = true;
  uint64_t position = 0;
  {
    const absl::StatusOr<std::unique_ptr<RocksDbEngine>> copy =
        RocksDbEngine::Open(options, clock_);
    if (!copy.ok()) return copy.status();
    position = (*copy)->position();
  }
  // How far the copy goes: so that one which comes back shorter is noticed, too.
  const absl::StatusOr<std::unique_ptr<SyncMark>> mark =
      SyncMark::Open(files_, directory + "/SYNCED");
  if (!mark.ok()) return mark.status();
  status = (*mark)->Write(position);
  if (!status.ok()) return status;
  status = files_.WriteFileAtomically(directory + "/FORMAT",
                                      PrintDataFormat({kDataFormat, kDataFormat, kDataFormat}));
  if (!status.ok()) return status;
  return files_.SyncDirectory(directory);
}

}  // namespace taskforge

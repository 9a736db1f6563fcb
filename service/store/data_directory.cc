#include "store/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace taskforge {
namespace {

constexpr char kFormatFile[] = "FORMAT";
constexpr char kLockFile[] = "LOCK";
constexpr char kEngineDirectory[] = "db";
constexpr char kFirstLine[] = "taskforge data";

absl::Status SystemError(int error, absl::string_view action, absl::string_view path) {
  const std::string message =
      absl::StrCat("cannot ", action, " ", path, ": ", std::strerror(error), " (data_dir)");
  if (error == EACCES || error == EPERM || error == EROFS) {
    return absl::PermissionDeniedError(message);
  }
  return absl::UnavailableError(message);
}

// Closed, and so unlocked, if it is not released.
class LockFile {
 public:
  explicit LockFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {}
  ~LockFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  int fd() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Makes the directory and those above it. On OK their names have reached the disk.
absl::Status MakeDirectories(FileSystem& files, const std::string& path) {
  std::error_code error;
  std::vector<std::filesystem::path> missing;
  for (auto each = std::filesystem::absolute(path).lexically_normal();
       !std::filesystem::exists(each, error) && each.has_relative_path();
       each = each.parent_path()) {
    missing.push_back(each);
  }
  const bool is_made = std::filesystem::create_directories(path, error);
  if (error) return SystemError(error.value(), "make", path);
  if (is_made) {
    std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
    if (error) return SystemError(error.value(), "restrict", path);
  }
  for (const std::filesystem::path& each : missing) {
    const absl::Status status = files.SyncDirectory(each.parent_path());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// Of files other than the lock, and than what is left of a start that was interrupted before
// anything was kept.
absl::StatusOr<bool> IsEmpty(const std::string& path) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename();
    // A disk's own directory, at the root of a volume.
    const bool is_left = absl::StartsWith(name, absl::StrCat(kFormatFile, ".tmp."));
    if (name != kLockFile && name != "lost+found" && !is_left) return false;
  }
  if (error) return SystemError(error.value(), "read", path);
  return true;
}

absl::Status CheckFormat(const DataFormat& format, absl::string_view path) {
  if (format.least_writer <= kDataFormat && format.least_reader <= kDataFormat) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      path, " has format ", format.format, ", which this server must not write: it writes format ",
      kDataFormat, ", and ", format.least_writer,
      " is needed. Nothing was changed; start the newer server again"));
}

absl::Status Lock(const LockFile& lock, const std::string& path, const std::string& lock_path) {
  if (lock.fd() < 0) return SystemError(errno, "open", lock_path);
  if (::flock(lock.fd(), LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  if (errno != EWOULDBLOCK) return SystemError(errno, "lock", lock_path);
  return absl::FailedPreconditionError(absl::StrCat(
      path, " is in use by another server: stop that one, or name another directory (data_dir)"));
}

// Whether the text of the file at `format_path` is a format that this server may write.
absl::Status CheckFormatText(absl::string_view text, const std::string& format_path,
                             const std::string& path) {
  const absl::StatusOr<DataFormat> format = ParseDataFormat(text);
  if (format.ok()) return CheckFormat(*format, path);
  return absl::FailedPreconditionError(
      absl::StrCat(format_path, " ", format.status().message(),
                   ": nothing was opened. Restore the file from a backup (data_dir)"));
}

}  // namespace

std::string PrintDataFormat(const DataFormat& format) {
  return absl::StrCat(kFirstLine, "\nformat ", format.format, "\nleast_reader ",
                      format.least_reader, "\nleast_writer ", format.least_writer, "\n");
}

absl::StatusOr<DataFormat> ParseDataFormat(absl::string_view text) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  DataFormat format;
  const auto read = [&](absl::string_view name, int& number) {
    for (const absl::string_view line : lines) {
      const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
      if (words.size() == 2 && words[0] == name) return absl::SimpleAtoi(words[1], &number);
    }
    return false;
  };
  if (lines.front() != kFirstLine || !read("format", format.format) ||
      !read("least_reader", format.least_reader) || !read("least_writer", format.least_writer)) {
    return absl::DataLossError("is not what a server writes there");
  }
  return format;
}

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Open(FileSystem& files,
                                                                   std::string path) {
  const absl::Status made = MakeDirectories(files, path);
  if (!made.ok()) return made;
  const std::string lock_path = absl::StrCat(path, "/", kLockFile);
  LockFile lock(lock_path);
  const absl::Status locked = Lock(lock, path, lock_path);
  if (!locked.ok()) return locked;
  const std::string format_path = absl::StrCat(path, "/", kFormatFile);
  const absl::StatusOr<std::string> text = files.ReadFile(format_path);
  bool is_new = false;
  if (text.ok()) {
    const absl::Status status = CheckFormatText(*text, format_path, path);
    if (!status.ok()) return status;
  } else if (absl::IsNotFound(text.status())) {
    const absl::StatusOr<bool> empty = IsEmpty(path);
    if (!empty.ok()) return empty.status();
    std::error_code ignored;
    if (std::filesystem::exists(absl::StrCat(path, "/", kEngineDirectory), ignored)) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, " has a store but no ", kFormatFile,
                       ": nothing was opened. Restore the file from a backup (data_dir)"));
    }
    if (!*empty) {
      return absl::FailedPreconditionError(absl::StrCat(
          path, " has files but no ", kFormatFile,
          ": it is no data directory. Name an empty one, or one that is not there (data_dir)"));
    }
    absl::Status status = files.WriteFileAtomically(
        format_path, PrintDataFormat({kDataFormat, kDataFormat, kDataFormat}));
    if (!status.ok()) return status;
    is_new = true;
  } else {
    return text.status();
  }
  return std::unique_ptr<DataDirectory>(new DataDirectory(std::move(path), lock.Release(), is_new));
}

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::OpenExisting(FileSystem& files,
                                                                           std::string path) {
  const std::string format_path = absl::StrCat(path, "/", kFormatFile);
  const absl::StatusOr<std::string> text = files.ReadFile(format_path);
  if (absl::IsNotFound(text.status())) {
    std::error_code ignored;
    if (std::filesystem::exists(absl::StrCat(path, "/", kEngineDirectory), ignored)) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, " has a store but no ", kFormatFile,
                       ": nothing was opened. Restore the file from a backup"));
    }
    return absl::NotFoundError(
        absl::StrCat(path, " is no data directory: it has no ", kFormatFile));
  }
  if (!text.ok()) return text.status();
  const std::string lock_path = absl::StrCat(path, "/", kLockFile);
  LockFile lock(lock_path);
  absl::Status status = Lock(lock, path, lock_path);
  if (status.ok()) status = CheckFormatText(*text, format_path, path);
  if (!status.ok()) return status;
  return std::unique_ptr<DataDirectory>(
      new DataDirectory(std::move(path), lock.Release(), /*is_new=*/false));
}

DataDirectory::~DataDirectory() { ::close(lock_fd_); }

}  // namespace taskforge

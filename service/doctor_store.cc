#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file_system.h"
#include "doctor_checks.h"
#include "store/data_directory.h"
#include "store/disk_probe.h"

namespace taskforge {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kSlowSync = absl::Milliseconds(50);
constexpr uint64_t kLeastShare = 4;  // As FreeSpace has it.

std::string Mebibytes(uint64_t bytes) { return absl::StrCat(bytes >> 20, " MiB"); }

// The directory itself, or the nearest one above that is there.
fs::path NearestThatIs(const std::string& path) {
  fs::path nearest = fs::absolute(path).lexically_normal();
  std::error_code error;
  while (!fs::exists(nearest, error) && nearest.has_relative_path()) {
    nearest = nearest.parent_path();
  }
  return nearest;
}

Finding Problem(absl::string_view option, absl::string_view what, std::string advice) {
  return {Verdict::kProblem, absl::StrCat(option, ": ", what), std::move(advice)};
}

// Whether the directory is there and is ours, or can be made.
Finding CheckDirectory(absl::string_view option, const std::string& path) {
  const fs::path nearest = NearestThatIs(path);
  std::error_code error;
  if (!fs::is_directory(nearest, error)) {
    return Problem(option, absl::StrCat(nearest.string(), " is no directory"),
                   absl::StrCat("name another one (", option, ")"));
  }
  const bool is_there = fs::equivalent(nearest, path, error);
  if (::access(nearest.c_str(), W_OK | X_OK) != 0) {
    return Problem(
        option,
        absl::StrCat(is_there ? "" : absl::StrCat(path, " cannot be made: "), nearest.string(),
                     ": ", std::strerror(errno)),
        absl::StrCat("let user ", ::geteuid(), " write there, or name another directory"));
  }
  if (!is_there) return {Verdict::kOk, absl::StrCat(option, ": ", path, " can be made"), ""};
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0 && (found.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return {
        Verdict::kWarning,
        absl::StrCat(option, ": other users may look into ", path, ", which has what clients sent"),
        absl::StrCat("chmod 700 ", path)};
  }
  return {Verdict::kOk, absl::StrCat(option, ": ", path, " is there, and writable"), ""};
}

// Takes the lock for a moment, and makes no file.
bool IsLocked(const std::string& path) {
  const int fd = ::open((path + "/LOCK").c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  const bool is_locked = ::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(fd);
  return is_locked;
}

// Nothing to say of a directory with nothing in it.
void CheckContent(const std::string& path, std::vector<Finding>& findings) {
  if (IsLocked(path)) {
    findings.push_back(Problem("data_dir", absl::StrCat(path, " is in use by another server"),
                               "stop that one, or name another directory"));
  }
  PosixFileSystem files;
  const absl::StatusOr<std::string> text = files.ReadFile(path + "/FORMAT");
  if (!text.ok()) return;
  const absl::StatusOr<DataFormat> format = ParseDataFormat(*text);
  if (!format.ok()) {
    findings.push_back(Problem("data_dir",
                               absl::StrCat(path, "/FORMAT ", format.status().message()),
                               "restore the file from a backup"));
  } else if (format->least_writer > kDataFormat || format->least_reader > kDataFormat) {
    findings.push_back(Problem("data_dir",
                               absl::StrCat(path, " has format ", format->format,
                                            ", and this server writes format ", kDataFormat),
                               "start the newer server, or restore a backup of an older one"));
  }
}

Finding CheckRoom(const FileSystemFacts& disk, uint64_t least_bytes) {
  const uint64_t least = std::min(least_bytes, disk.size_bytes / kLeastShare);
  const std::string what = absl::StrCat("data_dir: ", Mebibytes(disk.free_bytes), " are free");
  if (disk.free_bytes >= least) return {Verdict::kOk, what, ""};
  return {Verdict::kProblem,
          absl::StrCat(what, ", and new tasks are refused below ", Mebibytes(least),
                       " (store.min_free_bytes)"),
          "make room, or name a directory of another disk"};
}

Finding CheckKind(const FileSystemFacts& disk) {
  const std::string what = absl::StrCat("data_dir: on ", disk.kind);
  if (disk.is_volatile) {
    return {Verdict::kWarning,
            absl::StrCat(what,
                         ", which is memory: tasks survive a kill of the server, but no "
                         "restart of the machine"),
            "name a directory of a disk"};
  }
  if (disk.is_network) {
    return {Verdict::kWarning,
            absl::StrCat(what,
                         ": whether a sync reaches a disk, and a lock holds, is up to what "
                         "serves it"),
            "name a directory of a local disk"};
  }
  return {Verdict::kOk, what, ""};
}

Finding CheckSync(const std::string& directory, const FileSystemFacts& disk) {
  const absl::StatusOr<absl::Duration> median = MeasureSync(directory);
  if (!median.ok()) {
    return Problem("data_dir", median.status().message(), "mend the disk, or name another one");
  }
  return JudgeSync(*median, disk.is_volatile);
}

}  // namespace

Finding JudgeSync(absl::Duration median, bool is_volatile) {
  std::string what =
      absl::StrCat("data_dir: a sync takes ", absl::FormatDuration(median), " (median)");
  if (median < LeastHonestSync() && !is_volatile) {
    return {Verdict::kWarning,
            absl::StrCat(what,
                         ", faster than any disk can keep what it is told: something says yes "
                         "for it, and what was acknowledged may go with the power"),
            "look at the mount options (barriers), the virtual disk's cache mode, libeatmydata"};
  }
  if (median > kSlowSync) {
    return {Verdict::kWarning, absl::StrCat(what, ": each acknowledgement waits for one"),
            "use a faster disk, or BUFFERED where a lost moment is no harm (store.durability)"};
  }
  return {Verdict::kOk, std::move(what), ""};
}

std::vector<Finding> CheckDataDirectory(const Config& config) {
  PersistenceOptions options = config.persistence;
  if (!options.is_on()) {
    return {
        {Verdict::kOk, "data_dir: none, so all is kept in memory and goes with the server", ""}};
  }
  if (options.data_dir == PersistenceOptions::kAuto) {
    options.data_dir = StateDirectory([](const char* name) { return std::getenv(name); });
  }
  std::vector<Finding> findings = {CheckDirectory("data_dir", options.data_dir)};
  const bool is_usable = findings.front().verdict != Verdict::kProblem;
  CheckContent(options.data_dir, findings);
  const std::string nearest = NearestThatIs(options.data_dir);
  const absl::StatusOr<FileSystemFacts> disk = LookAtFileSystem(nearest);
  if (!disk.ok()) {
    findings.push_back(Problem("data_dir", disk.status().message(), "name another directory"));
  } else {
    findings.push_back(CheckRoom(*disk, options.min_free_bytes));
    findings.push_back(CheckKind(*disk));
    if (is_usable) findings.push_back(CheckSync(nearest, *disk));
  }
  if (!options.backup_dir.empty()) {
    findings.push_back(CheckDirectory("store.backup_dir", options.backup_dir));
  }
  return findings;
}

}  // namespace taskforge

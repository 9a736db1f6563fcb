#include "cli/main_job/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace taskforge::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 3> kLeftOut = {".git", "build", "node_modules"};

bool IsLeftOut(const fs::path& path) {
  const std::string name = path.filename().string();
  return std::find(kLeftOut.begin(), kLeftOut.end(), name) != kLeftOut.end();
}

void AddFile(const fs::directory_entry& entry, uint64_t max_bytes, FileList& list) {
  std::error_code error;
  const std::string path = entry.path().string();
  if (entry.symlink_status(error).type() != fs::file_type::regular) return;
  const uint64_t size = entry.file_size(error);
  if (error || access(path.c_str(), R_OK) != 0) {
    list.unreadable.push_back(path);
  } else if (size > max_bytes) {
    list.too_large.push_back(path);
  } else {
    list.paths.push_back(path);
  }
}

}  // namespace

absl::StatusOr<FileList> ListFiles(const std::string& directory, uint64_t max_bytes) {
  std::error_code error;
  fs::recursive_directory_iterator walk(directory, fs::directory_options::skip_permission_denied,
                                        error);
  if (error) return absl::NotFoundError(absl::StrCat(directory, ": ", error.message()));
  FileList list;
  for (const fs::recursive_directory_iterator end; walk != end; walk.increment(error)) {
    if (error) return absl::UnknownError(absl::StrCat(directory, ": ", error.message()));
    if (IsLeftOut(walk->path())) {
      list.no_input.push_back(walk->path().string());
      walk.disable_recursion_pending();
    } else {
      AddFile(*walk, max_bytes, list);
    }
  }
  std::sort(list.paths.begin(), list.paths.end());
  std::sort(list.too_large.begin(), list.too_large.end());
  std::sort(list.no_input.begin(), list.no_input.end());
  return list;
}

absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, path);
  std::string content;
  std::array<char, 65536> buffer;
  absl::Status status;
  while (content.size() < max_bytes) {
    const size_t wanted = std::min<uint64_t>(buffer.size(), max_bytes - content.size());
    const ssize_t got = read(descriptor, buffer.data(), wanted);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) status = absl::ErrnoToStatus(errno, path);
    if (got <= 0) break;
    content.append(buffer.data(), static_cast<size_t>(got));
  }
  close(descriptor);
  if (!status.ok()) return status;
  return content;
}

}  // namespace taskforge::cli

// Files, injected, so that faults can be. Small on purpose: what the service needs today is to read
// a configuration and to write one file whole.
#ifndef TASKFORGE_BASE_FILE_SYSTEM_H_
#define TASKFORGE_BASE_FILE_SYSTEM_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace taskforge {

// Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // The whole content. Errors name the path: NOT_FOUND, PERMISSION_DENIED, else UNAVAILABLE.
  virtual absl::StatusOr<std::string> ReadFile(const std::string& path) = 0;
  // Writes `content` to a temporary file beside `path`, syncs it and renames it over `path`:
  // a reader sees the old content or the new, never a part.
  // On OK both have reached the disk, and the name too.
  virtual absl::Status WriteFileAtomically(const std::string& path, absl::string_view content) = 0;
  // The names in the directory reach the disk.
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
};

// Thread-safe.
class PosixFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::string> ReadFile(const std::string& path) override;
  absl::Status WriteFileAtomically(const std::string& path, absl::string_view content) override;
  absl::Status SyncDirectory(const std::string& path) override;
};

}  // namespace taskforge

#endif  // TASKFORGE_BASE_FILE_SYSTEM_H_

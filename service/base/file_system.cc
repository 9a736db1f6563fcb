#include "base/file_system.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

absl::Status PosixError(int error, absl::string_view action, absl::string_view path) {
  const std::string message =
      absl::StrCat("cannot ", action, " ", path, ": ", std::strerror(error));
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(message);
  return absl::UnavailableError(message);
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Closes a descriptor at the end of a scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  // Closes now and tells how it went: a deferred write error may show only here.
  int Close() {
    const int rc = ::close(fd_);
    fd_ = -1;
    return rc;
  }

 private:
  int fd_;
};

}  // namespace

absl::StatusOr<std::string> PosixFileSystem::ReadFile(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return PosixError(errno, "open", path);
  std::string content;
  char buffer[1 << 16];
  while (true) {
    const ssize_t n = ::read(file.get(), buffer, sizeof(buffer));
    if (n == 0) return content;
    if (n < 0) {
      if (errno == EINTR) continue;
      return PosixError(errno, "read", path);
    }
    content.append(buffer, static_cast<size_t>(n));
  }
}

absl::Status PosixFileSystem::WriteFileAtomically(const std::string& path,
                                                  absl::string_view content) {
  // The thread's id: no two writers share a temporary file.
  const std::string temporary = absl::StrCat(path, ".tmp.", ::gettid());
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0) return PosixError(errno, "create", temporary);
  const auto fail = [&](absl::string_view action) {
    const absl::Status status = PosixError(errno, action, temporary);
    ::unlink(temporary.c_str());
    return status;
  };
  while (!content.empty()) {
    const ssize_t n = ::write(file.get(), content.data(), content.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail("write");
    }
    content.remove_prefix(static_cast<size_t>(n));
  }
  if (::fsync(file.get()) != 0) return fail("sync");
  if (file.Close() != 0) return fail("close");
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return fail("rename");
  return SyncDirectory(DirectoryOf(path));
}

absl::Status PosixFileSystem::SyncDirectory(const std::string& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return PosixError(errno, "open", path);
  // EINVAL: a file system whose directories need none.
  if (::fsync(directory.get()) != 0 && errno != EINVAL) return PosixError(errno, "sync", path);
  return absl::OkStatus();
}

}  // namespace taskforge

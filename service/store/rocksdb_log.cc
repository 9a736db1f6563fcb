#include "store/rocksdb_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace taskforge {
namespace {

constexpr size_t kLineBytes = 2048;  // Longer ones are cut.

}  // namespace

RocksDbLog::RocksDbLog(const std::string& directory, size_t most_bytes)
    : Logger(rocksdb::InfoLogLevel::WARN_LEVEL),
      path_(absl::StrCat(directory, "/LOG")),
      most_bytes_(most_bytes) {}

RocksDbLog::~RocksDbLog() {
  MutexLock lock(mu_);
  if (fd_ >= 0) ::close(fd_);
  closed_ = true;  // Of the base class: there is nothing more to close.
}

bool RocksDbLog::Open() {
  if (fd_ >= 0 && bytes_ >= most_bytes_) {
    ::close(fd_);
    fd_ = -1;
    // If that fails, the file goes on to grow: there is nobody to tell but this file.
    (void)::rename(path_.c_str(), absl::StrCat(path_, ".old").c_str());
  }
  if (fd_ >= 0) return true;
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  struct stat now;
  bytes_ = fd_ >= 0 && ::fstat(fd_, &now) == 0 ? static_cast<size_t>(now.st_size) : 0;
  return fd_ >= 0;
}

void RocksDbLog::Logv(const char* format, va_list arguments) {
  std::string line = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ ", absl::Now(), absl::UTCTimeZone());
  std::array<char, kLineBytes> text;
  const int wanted = std::vsnprintf(text.data(), text.size(), format, arguments);
  if (wanted < 0) return;
  line.append(text.data(), std::min(static_cast<size_t>(wanted), text.size() - 1));
  if (line.back() != '\n') line.push_back('\n');
  MutexLock lock(mu_);
  if (!Open()) return;
  const ssize_t written = ::write(fd_, line.data(), line.size());
  if (written > 0) bytes_ += static_cast<size_t>(written);
}

}  // namespace taskforge

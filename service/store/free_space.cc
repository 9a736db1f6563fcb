#include "store/free_space.h"

#include <sys/statvfs.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/error.h"

namespace taskforge {
namespace {

constexpr absl::Duration kAskEvery = absl::Milliseconds(100);
constexpr uint64_t kLeastShare = 4;  // Of a small disk.
constexpr uint64_t kMiB = uint64_t{1} << 20;

}  // namespace

std::optional<uint64_t> FreeBytesAt(const std::string& path) {
  struct statvfs disk {};
  if (::statvfs(path.c_str(), &disk) != 0) return std::nullopt;
  return static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
}

absl::Status FreeSpace::Check() {
  const MonoTime now = clock_.Monotonic();
  if (has_asked_ && now < asked_at_ + kAskEvery) return answer_;
  has_asked_ = true;
  asked_at_ = now;
  answer_ = Ask();
  return answer_;
}

absl::Status FreeSpace::Ask() const {
  struct statvfs disk {};
  if (::statvfs(path_.c_str(), &disk) != 0) return absl::OkStatus();
  const uint64_t size = static_cast<uint64_t>(disk.f_blocks) * disk.f_frsize;
  const uint64_t free = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
  const uint64_t least = std::min(least_bytes_, size / kLeastShare);
  if (free >= least) return absl::OkStatus();
  ErrorDetails details;
  details.reason = "STORE_FULL";
  details.quota_violations.push_back(
      {path_, absl::StrCat(free / kMiB, " MiB are free; at least ", least / kMiB)});
  details.retry_after = absl::Seconds(5);
  return WithDetails(absl::ResourceExhaustedError(absl::StrCat(
                         "the disk of the data directory ", path_, " has ", free / kMiB,
                         " MiB left, and ", least / kMiB,
                         " are kept for the results of accepted tasks (store.min_free_bytes): make "
                         "room there, or let results go sooner (results.succeeded_ttl)")),
                     details);
}

}  // namespace taskforge

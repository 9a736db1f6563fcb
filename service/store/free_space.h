// Whether a disk has room for more than what is promised already.
#ifndef TASKFORGE_STORE_FREE_SPACE_H_
#define TASKFORGE_STORE_FREE_SPACE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "base/clock.h"

namespace taskforge {

// Bytes that this user may still write to the disk of `path`; none: the file system does not say.
// Thread-safe.
std::optional<uint64_t> FreeBytesAt(const std::string& path);

// Asks the file system, at most ten times a second. Not thread-safe: of the thread that commits, or
// of one at a time under a lock.
class FreeSpace {
 public:
  // `path` is any file of the disk. `clock` must outlive it.
  FreeSpace(std::string path, uint64_t least_bytes, const Clock& clock)
      : path_(std::move(path)), least_bytes_(least_bytes), clock_(clock) {}

  // OK; RESOURCE_EXHAUSTED, reason STORE_FULL: fewer than least_bytes are free to this user. On a
  // disk of less than four times that a quarter of the disk is enough. A file system that cannot
  // say counts as one with room.
  absl::Status Check();

 private:
  absl::Status Ask() const;

  const std::string path_;
  const uint64_t least_bytes_;
  const Clock& clock_;
  MonoTime asked_at_;
  bool has_asked_ = false;
  absl::Status answer_;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_FREE_SPACE_H_

// What the disk of a directory is, and what it really does when it is asked to sync.
#ifndef TASKFORGE_STORE_DISK_PROBE_H_
#define TASKFORGE_STORE_DISK_PROBE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace taskforge {

struct FileSystemFacts {
  std::string kind;          // `ext4`, `tmpfs`; `0x…` where the number has no name here.
  bool is_volatile = false;  // In memory: it survives a kill, and no reboot.
  bool is_network = false;   // Flushes and locks are what another machine makes of them.
  uint64_t size_bytes = 0;
  uint64_t free_bytes = 0;  // For this user.
};

// `path` is any file of it. UNAVAILABLE: the system's error, with the path.
absl::StatusOr<FileSystemFacts> LookAtFileSystem(const std::string& path);

// The least that an append and its fdatasync take on a disk that keeps what it was told to. Both
// the data and the note of the file's new length must reach it, one after the other, and the
// quickest disks that there are (Optane, and NVMe with capacitors) answer a write after 5 to 10 us;
// what the kernel does between the two comes on top. Below this nobody asked the disk: a file
// system or a virtual machine said yes for it (`nobarrier`, `cache=unsafe`, eatmydata).
constexpr absl::Duration LeastHonestSync() { return absl::Microseconds(20); }

// The median of so many appends of 4 KiB to a growing file of `directory`, each with its fdatasync.
// The file is gone afterwards. The system's errors, with the path.
absl::StatusOr<absl::Duration> MeasureSync(const std::string& directory, int times = 31);

}  // namespace taskforge

#endif  // TASKFORGE_STORE_DISK_PROBE_H_

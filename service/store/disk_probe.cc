#include "store/disk_probe.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace taskforge {
namespace {

constexpr size_t kBlockBytes = 4096;

enum class Keeps : uint8_t { kItself, kInMemory, kElsewhere };
struct Kind {
  uint32_t magic;
  const char* name;
  Keeps keeps;
};
// Those of linux/magic.h that data directories are met on, and some that it does not have.
constexpr Kind kKinds[] = {
    {TMPFS_MAGIC, "tmpfs", Keeps::kInMemory},
    {RAMFS_MAGIC, "ramfs", Keeps::kInMemory},
    {EXT4_SUPER_MAGIC, "ext4", Keeps::kItself},  // ext2 and ext3 have the same.
    {XFS_SUPER_MAGIC, "xfs", Keeps::kItself},
    {BTRFS_SUPER_MAGIC, "btrfs", Keeps::kItself},
    {F2FS_SUPER_MAGIC, "f2fs", Keeps::kItself},
    {OVERLAYFS_SUPER_MAGIC, "overlay", Keeps::kItself},
    {0x2fc12fc1, "zfs", Keeps::kItself},
    {NFS_SUPER_MAGIC, "nfs", Keeps::kElsewhere},
    {SMB_SUPER_MAGIC, "smb", Keeps::kElsewhere},
    {SMB2_SUPER_MAGIC, "smb2", Keeps::kElsewhere},
    {CIFS_SUPER_MAGIC, "cifs", Keeps::kElsewhere},
    {CEPH_SUPER_MAGIC, "ceph", Keeps::kElsewhere},
    {AFS_SUPER_MAGIC, "afs", Keeps::kElsewhere},
    {V9FS_MAGIC, "9p", Keeps::kElsewhere},
    {FUSE_SUPER_MAGIC, "fuse", Keeps::kElsewhere},
};

absl::Status SystemError(absl::string_view action, absl::string_view path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", action, " ", path));
}

// A file that has no name any more, and goes when it is closed.
class Nameless {
 public:
  explicit Nameless(std::string pattern) : fd_(::mkostemp(pattern.data(), O_CLOEXEC)) {
    if (fd_ >= 0) is_nameless_ = ::unlink(pattern.c_str()) == 0;
  }
  ~Nameless() {
    if (fd_ >= 0) ::close(fd_);
  }
  Nameless(const Nameless&) = delete;
  Nameless& operator=(const Nameless&) = delete;
  bool is_open() const { return fd_ >= 0 && is_nameless_; }
  int fd() const { return fd_; }

 private:
  const int fd_;
  bool is_nameless_ = false;
};

}  // namespace

absl::StatusOr<FileSystemFacts> LookAtFileSystem(const std::string& path) {
  struct statfs found {};
  if (::statfs(path.c_str(), &found) != 0) return SystemError("ask the file system of", path);
  const auto magic = static_cast<uint32_t>(found.f_type);
  FileSystemFacts facts;
  facts.kind = absl::StrCat("0x", absl::Hex(magic));
  for (const Kind& kind : kKinds) {
    if (kind.magic != magic) continue;
    facts.kind = kind.name;
    facts.is_volatile = kind.keeps == Keeps::kInMemory;
    facts.is_network = kind.keeps == Keeps::kElsewhere;
  }
  const auto block = static_cast<uint64_t>(found.f_bsize);
  facts.size_bytes = static_cast<uint64_t>(found.f_blocks) * block;
  facts.free_bytes = static_cast<uint64_t>(found.f_bavail) * block;
  return facts;
}

absl::StatusOr<absl::Duration> MeasureSync(const std::string& directory, int times) {
  const Nameless file(directory + "/.sync-probe-XXXXXX");
  if (!file.is_open()) return SystemError("make a file in", directory);
  const SystemClock clock;
  const std::array<char, kBlockBytes> block{};
  std::vector<absl::Duration> took;
  for (int i = 0; i < times; ++i) {
    const MonoTime begin = clock.Monotonic();
    const ssize_t written = ::write(file.fd(), block.data(), block.size());
    if (written != static_cast<ssize_t>(block.size())) {
      if (written >= 0) errno = ENOSPC;
      return SystemError("write in", directory);
    }
    if (::fdatasync(file.fd()) != 0) return SystemError("sync in", directory);
    took.push_back(absl::Nanoseconds(clock.Monotonic() - begin));
  }
  const auto middle = took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2);
  std::nth_element(took.begin(), middle, took.end());
  return *middle;
}

}  // namespace taskforge

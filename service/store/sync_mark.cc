#include "store/sync_mark.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

constexpr char kMagic[] = "taskforge synced";
constexpr size_t kMagicBytes = sizeof(kMagic) - 1;
constexpr size_t kNumberAt = kMagicBytes;
constexpr size_t kPositionAt = kNumberAt + sizeof(uint64_t);
constexpr size_t kChecksumAt = kPositionAt + sizeof(uint64_t);

absl::Status Failed(absl::string_view action, absl::string_view path) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", action, " ", path, ": ", std::strerror(errno)));
}

void PutWord(char* at, uint64_t word) {
  for (int i = 0; i < 8; ++i) at[i] = static_cast<char>(word >> (8 * i));
}
uint64_t GetWord(const char* at) {
  uint64_t word = 0;
  for (int i = 7; i >= 0; --i) word = word << 8 | static_cast<uint8_t>(at[i]);
  return word;
}

// Of everything before the checksum, and of the zeros after it.
uint64_t Checksum(const char* block) {
  uint32_t sum = static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(block), static_cast<uInt>(kChecksumAt)));
  constexpr size_t kRestAt = kChecksumAt + sizeof(uint64_t);
  sum = static_cast<uint32_t>(crc32(sum, reinterpret_cast<const Bytef*>(block + kRestAt),
                                    static_cast<uInt>(SyncMark::kBlockBytes - kRestAt)));
  return sum;
}

}  // namespace

std::array<char, SyncMark::kBlockBytes> SyncMark::Print(const Block& block) {
  std::array<char, kBlockBytes> bytes{};
  std::memcpy(bytes.data(), kMagic, kMagicBytes);
  PutWord(bytes.data() + kNumberAt, block.number);
  PutWord(bytes.data() + kPositionAt, block.position);
  PutWord(bytes.data() + kChecksumAt, Checksum(bytes.data()));
  return bytes;
}

absl::StatusOr<SyncMark::Block> SyncMark::Parse(absl::string_view bytes) {
  const bool is_whole = bytes.size() == kBlockBytes &&
                        bytes.substr(0, kMagicBytes) == absl::string_view(kMagic, kMagicBytes) &&
                        GetWord(bytes.data() + kChecksumAt) == Checksum(bytes.data());
  if (!is_whole) return absl::DataLossError("is damaged");
  return Block{GetWord(bytes.data() + kNumberAt), GetWord(bytes.data() + kPositionAt)};
}

absl::StatusOr<std::unique_ptr<SyncMark>> SyncMark::Open(FileSystem& files,
                                                         const std::string& path) {
  int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) {
    std::string blocks;
    for (uint64_t number = 0; number < kBlocks; ++number) {
      const std::array<char, kBlockBytes> block = Print({number, 0});
      blocks.append(block.data(), block.size());
    }
    const absl::Status status = files.WriteFileAtomically(path, blocks);
    if (!status.ok()) return status;
    fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  }
  if (fd < 0) return Failed("open", path);
  std::unique_ptr<SyncMark> mark(new SyncMark(path, fd));
  const absl::Status status = mark->Read();
  if (!status.ok()) return status;
  return mark;
}

absl::StatusOr<uint64_t> SyncMark::ReadPosition(FileSystem& files, const std::string& path) {
  const absl::StatusOr<std::string> bytes = files.ReadFile(path);
  if (!bytes.ok()) return bytes.status();
  std::optional<Block> last;
  for (size_t at = 0; at < kBlocks * kBlockBytes && at < bytes->size(); at += kBlockBytes) {
    const absl::StatusOr<Block> block = Parse(absl::string_view(*bytes).substr(at, kBlockBytes));
    if (block.ok() && (!last.has_value() || block->number > last->number)) last = *block;
  }
  if (last.has_value()) return last->position;
  return absl::DataLossError(absl::StrCat(path, " is damaged"));
}

SyncMark::~SyncMark() { ::close(fd_); }

absl::Status SyncMark::Read() {
  bool found = false;
  for (size_t i = 0; i < kBlocks; ++i) {
    std::array<char, kBlockBytes> bytes{};
    const ssize_t n = ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(i * kBlockBytes));
    if (n < 0) return Failed("read", path_);
    const absl::StatusOr<Block> block = Parse({bytes.data(), static_cast<size_t>(n)});
    if (!block.ok() || (found && block->number < number_)) continue;
    number_ = block->number;
    position_ = block->position;
    found = true;
  }
  if (found) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path_, " is damaged"));
}

absl::Status SyncMark::Write(uint64_t position) {
  const Block next{number_ + 1, position};
  const std::array<char, kBlockBytes> bytes = Print(next);
  const off_t at = static_cast<off_t>((next.number % kBlocks) * kBlockBytes);
  const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), at);
  if (n != static_cast<ssize_t>(bytes.size())) {
    if (n >= 0) errno = ENOSPC;
    return Failed("write", path_);
  }
  if (::fdatasync(fd_) != 0) return Failed("sync", path_);
  number_ = next.number;
  position_ = next.position;
  return absl::OkStatus();
}

}  // namespace taskforge

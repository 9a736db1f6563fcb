// How far the store's log had reached the disk, told beside the log: so that a log which comes back
// shorter than it was is noticed, and not taken for all that there was.
#ifndef TASKFORGE_STORE_SYNC_MARK_H_
#define TASKFORGE_STORE_SYNC_MARK_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file_system.h"

namespace taskforge {

// A file of two blocks of 4 KiB, written in turns: each has a number that grows, the position and a
// checksum (CRC-32). A block that was torn when the power went leaves the other one. This detects;
// it keeps nothing: what was synced after the last mark could go without a trace.
// Not thread-safe.
class SyncMark {
 public:
  static constexpr size_t kBlockBytes = 4096;
  static constexpr size_t kBlocks = 2;

  // Makes the file, whole, if it is not there. DATA_LOSS: neither block is whole.
  static absl::StatusOr<std::unique_ptr<SyncMark>> Open(FileSystem& files, const std::string& path);
  // The last position that was marked in the file, which stays as it is. NOT_FOUND; DATA_LOSS:
  // neither block is whole.
  static absl::StatusOr<uint64_t> ReadPosition(FileSystem& files, const std::string& path);
  ~SyncMark();
  SyncMark(const SyncMark&) = delete;
  SyncMark& operator=(const SyncMark&) = delete;

  // The last position that was marked; 0: none.
  uint64_t position() const { return position_; }
  // Writes and syncs a block.
  absl::Status Write(uint64_t position);

 private:
  struct Block {
    uint64_t number = 0;
    uint64_t position = 0;
  };
  explicit SyncMark(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  static std::array<char, kBlockBytes> Print(const Block& block);
  static absl::StatusOr<Block> Parse(absl::string_view bytes);
  absl::Status Read();

  const std::string path_;
  const int fd_;
  uint64_t number_ = 0;
  uint64_t position_ = 0;
};

}  // namespace taskforge

#endif  // TASKFORGE_STORE_SYNC_MARK_H_

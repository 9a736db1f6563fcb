#include "store/sync_mark.h"

#include <fstream>

#include "gtest/gtest.h"
#include "unit/store/temporary_directory.h"

namespace taskforge {
namespace {

class SyncMarkTest : public ::testing::Test {
 protected:
  absl::StatusOr<uint64_t> Position() {
    const auto mark = SyncMark::Open(files_, path_);
    if (!mark.ok()) return mark.status();
    return (*mark)->position();
  }
  void Mark(uint64_t position) {
    const auto mark = SyncMark::Open(files_, path_);
    ASSERT_TRUE(mark.ok()) << mark.status();
    ASSERT_TRUE((*mark)->Write(position).ok());
  }
  void Flip(std::streamoff at) {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char byte = static_cast<char>(file.get());
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 0x10));
  }

  TemporaryDirectory root_;
  PosixFileSystem files_;
  const std::string path_ = root_.path() / "SYNCED";
};

TEST_F(SyncMarkTest, ANewOneIsAtZero) { EXPECT_EQ(*Position(), 0u); }

TEST_F(SyncMarkTest, RemembersTheLast) {
  for (const uint64_t position : {5u, 7u, 7u, 1'000'000'007u}) {
    Mark(position);
    EXPECT_EQ(*Position(), position);
  }
}

TEST_F(SyncMarkTest, AFlippedBitAnywhereLeavesTheOtherBlock) {
  Mark(5);  // In the first block.
  Mark(7);  // In the second.
  for (const std::streamoff at : {0, 15, 16, 24, 32, 40, 100, 4095}) {
    Flip(at + 4096);
    EXPECT_EQ(*Position(), 5u) << at;
    Flip(at + 4096);
    EXPECT_EQ(*Position(), 7u) << at;
    Flip(at);
    EXPECT_EQ(*Position(), 7u) << at;
    Flip(at);
  }
}

TEST_F(SyncMarkTest, ATornBlockIsWrittenAnew) {
  Mark(5);
  Mark(7);
  std::filesystem::resize_file(path_, 4096 + 100);
  EXPECT_EQ(*Position(), 5u);
  Mark(9);
  EXPECT_EQ(*Position(), 9u);
}

// Power goes in the very first mark: one of the blocks that it was made with is whole.
TEST_F(SyncMarkTest, AFirstMarkThatIsTornLeavesASoundFile) {
  Mark(5);
  Flip(20);
  EXPECT_EQ(*Position(), 0u);
}

TEST_F(SyncMarkTest, AnEmptyFileIsDamagedNotNew) {
  std::ofstream(path_) << "";
  EXPECT_EQ(Position().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SyncMarkTest, TwoDamagedBlocksAreALoss) {
  Mark(5);
  Mark(7);
  Flip(20);
  Flip(4096 + 20);
  EXPECT_EQ(Position().status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace taskforge

// What a disk is, and how long it takes to sync.
#include "store/disk_probe.h"

#include <filesystem>

#include "gtest/gtest.h"
#include "unit/store/temporary_directory.h"

namespace taskforge {
namespace {

TEST(DiskProbe, KnowsMemoryFromADisk) {
  const absl::StatusOr<FileSystemFacts> memory = LookAtFileSystem("/dev/shm");
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_EQ(memory->kind, "tmpfs");
  EXPECT_TRUE(memory->is_volatile);
  EXPECT_FALSE(memory->is_network);
  EXPECT_GT(memory->size_bytes, 0u);
  EXPECT_LE(memory->free_bytes, memory->size_bytes);
  const absl::StatusOr<FileSystemFacts> other = LookAtFileSystem("/proc");
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_FALSE(other->is_volatile);
  EXPECT_EQ(other->kind, "0x9fa0");
}

TEST(DiskProbe, NamesWhatItCannotAsk) {
  const auto facts = LookAtFileSystem("/no/such/directory");
  ASSERT_FALSE(facts.ok());
  EXPECT_NE(facts.status().message().find("/no/such/directory"), std::string::npos);
}

TEST(DiskProbe, MeasuresAndLeavesNothing) {
  const TemporaryDirectory directory;
  const absl::StatusOr<absl::Duration> median = MeasureSync(directory.path(), 3);
  ASSERT_TRUE(median.ok()) << median.status();
  EXPECT_GT(*median, absl::ZeroDuration());
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(DiskProbe, SaysWhereItCannotWrite) {
  const auto median = MeasureSync("/no/such/directory");
  ASSERT_FALSE(median.ok());
  EXPECT_NE(median.status().message().find("/no/such/directory"), std::string::npos);
}

}  // namespace
}  // namespace taskforge

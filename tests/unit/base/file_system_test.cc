#include "base/file_system.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace taskforge {
namespace {

class FileSystemTest : public testing::Test {
 protected:
  FileSystemTest() {
    const testing::TestInfo* info = testing::UnitTest::GetInstance()->current_test_info();
    directory_ = std::filesystem::path(testing::TempDir()) /
                 (std::string("files_") + info->name() + std::to_string(getpid()));
    std::filesystem::create_directories(directory_);
  }
  ~FileSystemTest() override { std::filesystem::remove_all(directory_); }
  std::string Path(const std::string& name) { return (directory_ / name).string(); }
  size_t Files() {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      count += entry.exists() ? 1 : 0;
    }
    return count;
  }

  std::filesystem::path directory_;
  PosixFileSystem files_;
};

TEST_F(FileSystemTest, ReadsWhatWasWritten) {
  const std::string content = std::string("a\0b", 3) + std::string(200'000, 'x');
  ASSERT_TRUE(files_.WriteFileAtomically(Path("f"), content).ok());
  EXPECT_EQ(*files_.ReadFile(Path("f")), content);
  EXPECT_EQ(Files(), 1u);
}

TEST_F(FileSystemTest, ReplacesTheOldContentWhole) {
  ASSERT_TRUE(files_.WriteFileAtomically(Path("f"), "long old content").ok());
  ASSERT_TRUE(files_.WriteFileAtomically(Path("f"), "new").ok());
  EXPECT_EQ(*files_.ReadFile(Path("f")), "new");
}

TEST_F(FileSystemTest, WritesNothingAtAll) {
  ASSERT_TRUE(files_.WriteFileAtomically(Path("f"), "").ok());
  EXPECT_EQ(*files_.ReadFile(Path("f")), "");
}

TEST_F(FileSystemTest, ErrorsNameThePath) {
  const auto absent = files_.ReadFile(Path("absent"));
  EXPECT_EQ(absent.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(std::string(absent.status().message()).find(Path("absent")), std::string::npos);
  EXPECT_EQ(files_.WriteFileAtomically(Path("no/such/f"), "x").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(files_.ReadFile(directory_.string()).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(FileSystemTest, AFailedWriteLeavesNoTemporaryFile) {
  std::filesystem::create_directories(directory_ / "d" / "full");
  EXPECT_FALSE(files_.WriteFileAtomically(Path("d"), "x").ok());  // d is a directory.
  EXPECT_EQ(Files(), 1u);
}

TEST_F(FileSystemTest, ConcurrentWritersLeaveOneContentWhole) {
  std::vector<std::thread> threads;
  for (char c : {'a', 'b', 'c', 'd'}) {
    threads.emplace_back([this, c] {
      for (int i = 0; i < 5; ++i) {
        EXPECT_TRUE(files_.WriteFileAtomically(Path("f"), std::string(100'000, c)).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string content = *files_.ReadFile(Path("f"));
  EXPECT_EQ(content, std::string(100'000, content[0]));
  EXPECT_EQ(Files(), 1u);
}

}  // namespace
}  // namespace taskforge

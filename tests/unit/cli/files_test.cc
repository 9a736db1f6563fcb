#include "cli/main_job/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace taskforge::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ListFilesTest : public ::testing::Test {
 protected:
  ListFilesTest()
      : root_(fs::path(::testing::TempDir()) /
              absl::StrCat(::testing::UnitTest::GetInstance()->current_test_info()->name(), ".",
                           getpid())) {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~ListFilesTest() override { fs::remove_all(root_); }

  std::string Write(const std::string& path, const std::string& content) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << content;
    return (root_ / path).string();
  }

  const fs::path root_;
};

TEST_F(ListFilesTest, FindsRegularFilesInOrder) {
  const std::string b = Write("b.txt", "b");
  const std::string a = Write("deep/er/a.txt", "");
  const FileList list = ListFiles(root_.string(), 100).value();
  EXPECT_THAT(list.paths, ElementsAre(b, a));
  EXPECT_THAT(list.too_large, IsEmpty());
}

TEST_F(ListFilesTest, LeavesOutWhatIsNoInput) {
  const std::string kept = Write("kept", "x");
  Write(".git/config", "x");
  Write("sub/.git", "gitdir: elsewhere");
  Write("build/out.o", "x");
  Write("sub/node_modules/m/index.js", "x");
  fs::create_symlink(kept, root_ / "link");
  fs::create_directory_symlink(root_, root_ / "loop");
  ASSERT_EQ(mkfifo((root_ / "pipe").c_str(), 0600), 0);
  const FileList list = ListFiles(root_.string(), 100).value();
  EXPECT_THAT(list.paths, ElementsAre(kept));
  // Said, not done in silence.
  EXPECT_THAT(list.no_input,
              ElementsAre((root_ / ".git").string(), (root_ / "build").string(),
                          (root_ / "sub/.git").string(), (root_ / "sub/node_modules").string()));
}

TEST_F(ListFilesTest, NamesWhatIsTooLarge) {
  const std::string fits = Write("fits", "12345");
  const std::string large = Write("large", "123456");
  const FileList list = ListFiles(root_.string(), 5).value();
  EXPECT_THAT(list.paths, ElementsAre(fits));
  EXPECT_THAT(list.too_large, ElementsAre(large));
}

TEST_F(ListFilesTest, RefusesWhatIsNoDirectory) {
  EXPECT_FALSE(ListFiles((root_ / "none").string(), 5).ok());
}

TEST_F(ListFilesTest, ReadsNoMoreThanItMay) {
  const std::string path = Write("grows", std::string(200000, 'x'));
  EXPECT_EQ(ReadFile(path, 1 << 20).value().size(), 200000u);
  EXPECT_EQ(ReadFile(path, 1000).value().size(), 1000u);
  EXPECT_FALSE(ReadFile((root_ / "none").string(), 5).ok());
}

}  // namespace
}  // namespace taskforge::cli

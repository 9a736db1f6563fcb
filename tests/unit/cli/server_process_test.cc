// Where the demonstrations look for the server's binary.
#include "cli/demo/server_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace taskforge::cli {
namespace {

using ::testing::HasSubstr;

class FindServerBinaryTest : public ::testing::Test {
 protected:
  FindServerBinaryTest() {
    std::string pattern = ::testing::TempDir() + "taskforge-cli-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~FindServerBinaryTest() override { std::filesystem::remove_all(directory_); }

  std::string Make(const std::string& name, bool is_program) {
    const std::filesystem::path path = directory_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << "#!/bin/sh\n";
    std::filesystem::permissions(
        path, is_program ? std::filesystem::perms::owner_all : std::filesystem::perms::owner_read);
    return path;
  }

  std::filesystem::path directory_;
};

TEST_F(FindServerBinaryTest, TakesTheOneThatIsNamed) {
  const std::string named = Make("another-name", true);
  EXPECT_EQ(FindServerBinary(named, "").value_or("none"), named);
}

TEST_F(FindServerBinaryTest, WhatIsNamedMustBeAProgram) {
  const std::string in_path = Make("bin/taskforged", true);
  const std::string text = Make("text", false);
  const auto found = FindServerBinary(text, (directory_ / "bin").string());
  EXPECT_TRUE(absl::IsNotFound(found.status()));
  EXPECT_THAT(std::string(found.status().message()), HasSubstr(text));
}

// Beside the test's own program there is none.
TEST_F(FindServerBinaryTest, TakesTheFirstProgramInPath) {
  Make("first/taskforged", false);
  const std::string second = Make("second/taskforged", true);
  Make("third/taskforged", true);
  const std::string path = directory_.string() + "/first:" + directory_.string() +
                           "/second:" + directory_.string() + "/third";
  EXPECT_EQ(FindServerBinary("", path).value_or("none"), second);
}

TEST_F(FindServerBinaryTest, SaysHowToNameIt) {
  const auto found = FindServerBinary("", directory_.string());
  EXPECT_TRUE(absl::IsNotFound(found.status()));
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("--taskforged"));
}

}  // namespace
}  // namespace taskforge::cli

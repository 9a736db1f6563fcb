#include "store/data_directory.h"

#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/persistence_options.h"
#include "unit/store/temporary_directory.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;

class DataDirectoryTest : public ::testing::Test {
 protected:
  auto Open() { return DataDirectory::Open(files_, path_); }
  void Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(path_);
    std::ofstream(path_ + "/" + name) << text;
  }

  TemporaryDirectory root_;
  PosixFileSystem files_;
  const std::string path_ = root_.path() / "some/data";
};

TEST_F(DataDirectoryTest, MakesANewOneForItsOwnerAlone) {
  const auto directory = Open();
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_TRUE((*directory)->is_new());
  EXPECT_EQ(std::filesystem::status(path_).permissions(), std::filesystem::perms::owner_all);
  const auto format = ParseDataFormat(*files_.ReadFile(path_ + "/FORMAT"));
  ASSERT_TRUE(format.ok());
  EXPECT_EQ(format->format, kDataFormat);
}

TEST_F(DataDirectoryTest, OpensItAgain) {
  ASSERT_TRUE(Open().ok());
  const auto again = Open();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE((*again)->is_new());
}

TEST_F(DataDirectoryTest, BelongsToOneAtATime) {
  auto first = Open();
  ASSERT_TRUE(first.ok());
  const absl::Status second = Open().status();
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(second.message(), HasSubstr("in use by another server"));
  *first = nullptr;
  EXPECT_TRUE(Open().ok());
}

TEST_F(DataDirectoryTest, RefusesANewerFormatAndChangesNothing) {
  const std::string newer = PrintDataFormat({kDataFormat + 2, kDataFormat, kDataFormat + 1});
  Write("FORMAT", newer);
  const absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("must not write"));
  EXPECT_EQ(*files_.ReadFile(path_ + "/FORMAT"), newer);
}

TEST_F(DataDirectoryTest, OpensANewerFormatThatLetsIt) {
  Write("FORMAT", PrintDataFormat({kDataFormat + 2, kDataFormat, kDataFormat}));
  EXPECT_TRUE(Open().ok());
}

TEST_F(DataDirectoryTest, RefusesADamagedFormat) {
  for (const char* text : {"", "taskforge data\n", "x\nformat 1\nleast_reader 1\nleast_writer 1\n",
                           "taskforge data\nformat one\nleast_reader 1\nleast_writer 1\n"}) {
    Write("FORMAT", text);
    EXPECT_EQ(Open().status().code(), absl::StatusCode::kFailedPrecondition) << text;
  }
}

TEST_F(DataDirectoryTest, RefusesADirectoryOfSomethingElse) {
  Write("letter.txt", "dear all");
  const absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("no data directory"));
  EXPECT_FALSE(std::filesystem::exists(path_ + "/FORMAT"));
}

TEST_F(DataDirectoryTest, TakesAFreshVolume) {
  std::filesystem::create_directories(path_ + "/lost+found");
  EXPECT_TRUE(Open().ok());
}

TEST_F(DataDirectoryTest, SaysWhatTheSystemSays) {
  std::filesystem::create_directories(root_.path());
  std::ofstream(root_.path() / "some") << "a file";
  const absl::Status status = Open().status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr(path_));
}

TEST_F(DataDirectoryTest, TakesWhatAnInterruptedStartLeft) {
  Write("FORMAT.tmp.123", "taskforge da");
  EXPECT_TRUE(Open().ok());
}

TEST_F(DataDirectoryTest, AStoreWithoutItsFormatIsNotTakenForSomethingElse) {
  std::filesystem::create_directories(path_ + "/db");
  const absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("Restore the file"));
}

// A name that is not synced may go with the power, and all that is below it.
TEST_F(DataDirectoryTest, SyncsTheNameOfEachDirectoryThatItMakes) {
  class Syncing final : public FileSystem {
   public:
    absl::StatusOr<std::string> ReadFile(const std::string& path) override {
      return files.ReadFile(path);
    }
    absl::Status WriteFileAtomically(const std::string& path, absl::string_view text) override {
      return files.WriteFileAtomically(path, text);
    }
    absl::Status SyncDirectory(const std::string& path) override {
      synced.push_back(path);
      return files.SyncDirectory(path);
    }
    PosixFileSystem files;
    std::vector<std::string> synced;
  };
  Syncing files;
  ASSERT_TRUE(DataDirectory::Open(files, path_).ok());
  EXPECT_THAT(files.synced, ::testing::UnorderedElementsAre(root_.path(), root_.path() / "some"));
  files.synced.clear();
  ASSERT_TRUE(DataDirectory::Open(files, path_).ok());
  EXPECT_THAT(files.synced, ::testing::IsEmpty());
}

// RocksDB waits until so much is free before it goes on.
TEST(PersistenceOptionsTest, WhatIsKeptFreeIsEnoughToGoOnAfterAFullDisk) {
  PersistenceOptions options;
  options.data_dir = "/data";
  EXPECT_THAT(options.Validate(), ::testing::IsEmpty());
  options.min_free_bytes = options.write_buffer_bytes - 1;
  EXPECT_THAT(
      options.Validate(),
      ::testing::ElementsAre(::testing::HasSubstr("less than store.write_buffer_bytes, 67108864")));
  options.write_buffer_bytes = options.min_free_bytes;
  EXPECT_THAT(options.Validate(), ::testing::IsEmpty());
}

}  // namespace
}  // namespace taskforge

// Copies of a store in use: what is in them, that they stand for themselves, and what is refused.
#include "store/store_backups.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "gtest/gtest.h"
#include "store/offline_store.h"
#include "store/persistence.h"
#include "support/fake_clock.h"
#include "unit/store/awaited.h"
#include "unit/store/temporary_directory.h"

namespace taskforge {
namespace {

namespace fs = std::filesystem;

class StoreBackupsTest : public ::testing::Test {
 protected:
  StoreBackupsTest() {
    options_.data_dir = directory_.path() / "data";
    options_.backup_dir = directory_.path() / "backups";
  }
  void Open() {
    auto opened = Persistence::Open(options_, files_, clock_, nullptr);
    ASSERT_TRUE(opened.ok()) << opened.status();
    persistence_ = *std::move(opened);
    ASSERT_TRUE(persistence_->store().Recover([](Ref<TaskRecord>) {}).ok());
  }
  void Append(const std::string& name) {
    auto spec = MakeRef<TaskSpec>();
    spec->handler = "echo";
    spec->origin.Edit().task_id = name;
    auto record = MakeRef<TaskRecord>();
    record->spec = std::move(spec);
    record->uid = uuids_.Next(clock_.Now());
    record->create_time = clock_.Now();
    record->effective_durability = Durability::kDurable;
    Awaited<absl::Status> done;
    TaskStore::Appending appending{TaskRecordPtr(record), done.Take()};
    persistence_->store().Append({&appending, 1});
    ASSERT_TRUE(done.Await().ok());
  }
  absl::StatusOr<StoreBackup> Backup(const std::string& name) {
    Awaited<absl::StatusOr<StoreBackup>> done;
    persistence_->backups().Make(name, done.Take());
    return done.Await();
  }
  absl::StatusOr<StoreProblems> Verify(const std::string& path) {
    auto store = OfflineStore::Open(path, OfflineStore::Purpose::kRead, files_, clock_);
    if (!store.ok()) return store.status();
    return (*store)->Verify();
  }

  FakeClock clock_;
  SeededRandom random_{1};
  UuidSequence uuids_{random_};
  TemporaryDirectory directory_;
  PosixFileSystem files_;
  PersistenceOptions options_;
  std::unique_ptr<Persistence> persistence_;
};

TEST_F(StoreBackupsTest, ACopyHasWhatWasThereAndOpensByItself) {
  Open();
  for (int i = 0; i < 100; ++i) Append(absl::StrCat("before-", i));
  const auto made = Backup("monday");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->path, options_.backup_dir + "/monday");
  EXPECT_GT(made->bytes, 0u);
  for (int i = 0; i < 50; ++i) Append(absl::StrCat("after-", i));
  const auto problems = Verify(made->path);
  ASSERT_TRUE(problems.ok()) << problems.status();
  EXPECT_EQ(problems->count, 0u) << problems->told.front();

  persistence_ = nullptr;
  options_.data_dir = made->path;
  options_.backup_dir = "";
  auto restored = Persistence::Open(options_, files_, clock_, nullptr);
  ASSERT_TRUE(restored.ok()) << restored.status();
  int tasks = 0;
  ASSERT_TRUE((*restored)->store().Recover([&](Ref<TaskRecord>) { ++tasks; }).ok());
  EXPECT_EQ(tasks, 100);
}

// Its own mark says how far it went.
TEST_F(StoreBackupsTest, ACopyThatComesBackShortIsRefused) {
  Open();
  for (int i = 0; i < 20; ++i) Append(absl::StrCat("t", i));
  const auto made = Backup("b");
  ASSERT_TRUE(made.ok()) << made.status();
  persistence_ = nullptr;
  ASSERT_TRUE(SyncMark::ReadPosition(files_, made->path + "/SYNCED").value() > 0);
  {
    const auto mark = SyncMark::Open(files_, made->path + "/SYNCED");
    ASSERT_TRUE((*mark)->Write((*mark)->position() + 1).ok());
  }
  const auto problems = Verify(made->path);
  ASSERT_TRUE(problems.ok()) << problems.status();
  EXPECT_EQ(problems->count, 1u);
  options_.data_dir = made->path;
  options_.backup_dir = "";
  EXPECT_TRUE(absl::IsDataLoss(Persistence::Open(options_, files_, clock_, nullptr).status()));
}

TEST_F(StoreBackupsTest, RefusesNamesThatAreNone) {
  Open();
  for (const char* name : {"", "..", ".hidden", "a/b", "/etc", "../data", "A", "a b", "a\nb"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Backup(name).status())) << name;
  }
  EXPECT_FALSE(IsBackupName(std::string(65, 'a')));
  EXPECT_TRUE(IsBackupName(std::string(64, 'a')));
  EXPECT_TRUE(IsBackupName("2026-11-27_daily.1"));
  EXPECT_FALSE(fs::exists(options_.backup_dir));
}

TEST_F(StoreBackupsTest, NeverWritesOverOneThatIsThere) {
  Open();
  ASSERT_TRUE(Backup("a").ok());
  const auto again = Backup("a");
  EXPECT_TRUE(absl::IsAlreadyExists(again.status())) << again.status();
  EXPECT_EQ(DetailsOf(again.status()).reason, "BACKUP_EXISTS");
}

TEST_F(StoreBackupsTest, TakesTheRestOfOneThatWasInterruptedAway) {
  fs::create_directories(fs::path(options_.backup_dir) / ".unfinished-a" / "db");
  std::ofstream(fs::path(options_.backup_dir) / ".unfinished-a" / "db" / "CURRENT") << "x";
  Open();
  const auto made = Backup("a");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(std::distance(fs::directory_iterator(options_.backup_dir), fs::directory_iterator()),
            1);
}

TEST_F(StoreBackupsTest, WithoutADirectoryForThemNoneAreMade) {
  options_.backup_dir = "";
  Open();
  const auto made = Backup("a");
  EXPECT_TRUE(absl::IsFailedPrecondition(made.status()));
  EXPECT_EQ(DetailsOf(made.status()).reason, "BACKUPS_OFF");
}

TEST_F(StoreBackupsTest, LeavesNothingWhereItFails) {
  // A file stands where the directory should.
  std::ofstream(options_.backup_dir) << "x";
  Open();
  EXPECT_FALSE(Backup("a").ok());
  EXPECT_TRUE(fs::is_regular_file(options_.backup_dir));
}

TEST_F(StoreBackupsTest, TheirDirectoryIsNotTheStores) {
  options_.backup_dir = options_.data_dir + "/db/..";
  EXPECT_EQ(options_.Validate().size(), 1u);
  options_.backup_dir = options_.data_dir + "-backups";
  EXPECT_TRUE(options_.Validate().empty());
}

TEST_F(StoreBackupsTest, CompactGivesRoomBackAndKeepsTheRest) {
  Open();
  for (int i = 0; i < 20; ++i) Append(absl::StrCat("t", i));
  persistence_ = nullptr;
  {
    auto store =
        OfflineStore::Open(options_.data_dir, OfflineStore::Purpose::kCompact, files_, clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->Compact().ok());
    // It is ours now.
    EXPECT_TRUE(absl::IsFailedPrecondition(Verify(options_.data_dir).status()));
  }
  const auto problems = Verify(options_.data_dir);
  ASSERT_TRUE(problems.ok()) << problems.status();
  EXPECT_EQ(problems->count, 0u);
  auto store = OfflineStore::Open(options_.data_dir, OfflineStore::Purpose::kRead, files_, clock_);
  EXPECT_EQ((*store)->Inspect()->tables[static_cast<size_t>(StoreTable::kLive)].entries, 20u);
  EXPECT_TRUE((*store)->Inspect()->is_stopped_clean);
}

TEST_F(StoreBackupsTest, ToReadChangesNoFile) {
  Open();
  Append("a");
  persistence_ = nullptr;
  const auto files = [&] {
    std::string all;
    for (const auto& entry : fs::recursive_directory_iterator(options_.data_dir)) {
      absl::StrAppend(&all, entry.path().string(), " ",
                      entry.is_regular_file() ? entry.file_size() : 0, " ",
                      entry.last_write_time().time_since_epoch().count(), "\n");
    }
    return all;
  };
  const std::string before = files();
  ASSERT_TRUE(Verify(options_.data_dir).ok());
  EXPECT_EQ(files(), before);
}

TEST_F(StoreBackupsTest, NothingIsMadeWhereNoStoreIs) {
  const std::string path = directory_.path() / "none";
  EXPECT_TRUE(absl::IsNotFound(Verify(path).status()));
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace taskforge

// The durable store's tables on a real disk: what is told when the disk lies, and what leaves it.
#include "store/rocksdb_engine.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "store/persistence.h"
#include "store/rocksdb_log.h"
#include "store/store_keys.h"
#include "support/fake_clock.h"
#include "unit/store/temporary_directory.h"

namespace taskforge {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Which call of a file fails, and how.
struct Fault {
  std::atomic<int> sync_in{0};       // The n-th sync of a log fails; 0: none.
  std::atomic<int> full_appends{0};  // So many writes to a log find the disk full.
  std::atomic<int> full_syncs{0};    // So many syncs of it.
  std::atomic<int> syncs_after{0};
  std::atomic<bool> has_failed{false};
};

class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::FSWritableFile>&& file, Fault& fault)
      : FSWritableFileOwnerWrapper(std::move(file)), fault_(fault) {}
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* context) override {
    if (fault_.full_appends > 0) {
      --fault_.full_appends;
      // What fitted is there.
      rocksdb::IOStatus half = FSWritableFileOwnerWrapper::Append(
          rocksdb::Slice(data.data(), data.size() / 2), options, context);
      if (!half.ok()) return half;
      return rocksdb::IOStatus::NoSpace("full");
    }
    return FSWritableFileOwnerWrapper::Append(data, options, context);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo&,
                           rocksdb::IODebugContext* context) override {
    return Append(data, options, context);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* context) override {
    if (fault_.has_failed) ++fault_.syncs_after;
    if (fault_.full_syncs > 0) {
      --fault_.full_syncs;
      return rocksdb::IOStatus::NoSpace("full");
    }
    if (fault_.sync_in > 0 && --fault_.sync_in == 0) {
      fault_.has_failed = true;
      return rocksdb::IOStatus::IOError("Input/output error");
    }
    return FSWritableFileOwnerWrapper::Sync(options, context);
  }

 private:
  Fault& fault_;
};

class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultyFileSystem(Fault& fault)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), fault_(fault) {}
  const char* Name() const override { return "faulty"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* context) override {
    rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, result, context);
    if (status.ok() && fs::path(name).extension() == ".log") {
      *result = std::make_unique<FaultyFile>(std::move(*result), fault_);
    }
    return status;
  }

 private:
  Fault& fault_;
};

class RocksDbEngineTest : public ::testing::Test {
 protected:
  RocksDbEngineTest() {
    options_.path = directory_.path() / "db";
    options_.mark_path = directory_.path() / "SYNCED";
  }
  absl::StatusOr<std::unique_ptr<RocksDbEngine>> Open() {
    return RocksDbEngine::Open(options_, clock_);
  }
  static absl::Status Put(StoreEngine& engine, const std::string& key, const std::string& value,
                          bool sync = true, StoreTable table = StoreTable::kLive) {
    const auto batch = engine.NewBatch();
    batch->Put(table, key, value);
    return engine.Write(*batch, sync);
  }
  // The log that was written last.
  fs::path Log() const {
    fs::path newest;
    for (const auto& entry : fs::directory_iterator(options_.path)) {
      if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
    }
    return newest;
  }
  static std::string Bytes(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void WriteBytes(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  static std::vector<std::string> Keys(const StoreEngine& engine, StoreTable table,
                                       StoreEngine::Direction direction) {
    std::vector<std::string> keys;
    for (auto at = engine.Scan(table, "", "", direction); at->Valid(); at->Next()) {
      keys.emplace_back(at->key());
    }
    return keys;
  }

  FakeClock clock_;
  TemporaryDirectory directory_;
  RocksDbEngineOptions options_;
};

TEST_F(RocksDbEngineTest, KeepsWhatWasWritten) {
  {
    auto engine = Open();
    ASSERT_TRUE(engine.ok()) << engine.status();
    ASSERT_TRUE(Put(**engine, "a", "1").ok());
    ASSERT_TRUE(Put(**engine, "b", "2", /*sync=*/false).ok());
    ASSERT_TRUE((*engine)->Sync().ok());
    EXPECT_EQ((*engine)->Stats().syncs, 2u);
    EXPECT_EQ((*engine)->Stats().writes, 2u);
  }
  const auto engine = Open();
  ASSERT_TRUE(engine.ok()) << engine.status();
  EXPECT_EQ(**(*engine)->Get(StoreTable::kLive, "a"), "1");
  EXPECT_EQ(**(*engine)->Get(StoreTable::kLive, "b"), "2");
  EXPECT_FALSE((*engine)->Get(StoreTable::kEnded, "a")->has_value());
}

TEST_F(RocksDbEngineTest, ScansARangeBothWays) {
  const auto engine = Open();
  for (const char* key : {"a", "b", "c", "d"}) ASSERT_TRUE(Put(**engine, key, "x").ok());
  std::vector<std::string> seen;
  for (auto at = (*engine)->Scan(StoreTable::kLive, "b", "d", StoreEngine::Direction::kBackward);
       at->Valid(); at->Next()) {
    seen.emplace_back(at->key());
  }
  EXPECT_THAT(seen, ::testing::ElementsAre("c", "b"));
  // A range whose end comes before its beginning is empty.
  for (const auto direction :
       {StoreEngine::Direction::kForward, StoreEngine::Direction::kBackward}) {
    EXPECT_FALSE((*engine)->Scan(StoreTable::kLive, "c", "b", direction)->Valid());
  }
  EXPECT_THAT(Keys(**engine, StoreTable::kLive, StoreEngine::Direction::kForward),
              ::testing::ElementsAre("a", "b", "c", "d"));
}

TEST_F(RocksDbEngineTest, ARangeLeavesAsAWhole) {
  const auto engine = Open();
  for (const char* key : {"a", "b", "c", "d"}) {
    ASSERT_TRUE(Put(**engine, key, "x", false, StoreTable::kEnded).ok());
  }
  ASSERT_TRUE((*engine)->DropRange(StoreTable::kEnded, "b", "d").ok());
  EXPECT_THAT(Keys(**engine, StoreTable::kEnded, StoreEngine::Direction::kForward),
              ::testing::ElementsAre("a", "d"));
}

TEST_F(RocksDbEngineTest, EntriesLeaveAfterTheirTime) {
  const auto engine = Open();
  const absl::Time soon = clock_.Now() + absl::Seconds(10);
  ASSERT_TRUE(Put(**engine, "brief", ExpiringValue(soon, "x"), false, StoreTable::kNames).ok());
  ASSERT_TRUE(
      Put(**engine, "kept", ExpiringValue(absl::InfiniteFuture(), "x"), false, StoreTable::kNames)
          .ok());
  ASSERT_TRUE((*engine)->CompactExpired().ok());
  EXPECT_TRUE((*engine)->Get(StoreTable::kNames, "brief")->has_value());
  clock_.Advance(absl::Seconds(11));
  ASSERT_TRUE((*engine)->CompactExpired().ok());
  EXPECT_FALSE((*engine)->Get(StoreTable::kNames, "brief")->has_value());
  EXPECT_TRUE((*engine)->Get(StoreTable::kNames, "kept")->has_value());
}

// The tail of the log is flipped, zeroed or cut at each of many offsets: what was synced is there,
// or the start is refused. With the sound tail it starts again: a refusal changes nothing.
TEST_F(RocksDbEngineTest, DamageToWhatWasSyncedIsNeverSilent) {
  constexpr int kRecords = 24;
  {
    auto engine = Open();
    ASSERT_TRUE(engine.ok()) << engine.status();
    for (int i = 0; i < kRecords; ++i) {
      ASSERT_TRUE(Put(**engine, absl::StrCat("key", i), std::string(100, 'v')).ok());
    }
  }  // Its end writes the mark.
  const TemporaryDirectory spare;
  const fs::path sound = spare.path() / "sound";
  fs::copy(directory_.path(), sound, fs::copy_options::recursive);
  const fs::path log = Log();
  const std::string bytes = Bytes(log);
  ASSERT_GT(bytes.size(), 2000u);
  const auto restore = [&] {
    fs::remove_all(directory_.path());
    fs::copy(sound, directory_.path(), fs::copy_options::recursive);
  };
  int refused = 0;
  int silent = 0;
  const auto check = [&](const std::string& damaged, const std::string& how) {
    WriteBytes(log, damaged);
    auto engine = Open();
    if (!engine.ok()) {
      ++refused;
      EXPECT_EQ(engine.status().code(), absl::StatusCode::kDataLoss) << engine.status();
      EXPECT_THAT(engine.status().message(), HasSubstr("--store-accept-data-loss"));
    } else {
      for (int i = 0; i < kRecords; ++i) {
        const auto value = (*engine)->Get(StoreTable::kLive, absl::StrCat("key", i));
        if (!value.ok() || !value->has_value()) {
          ++silent;
          ADD_FAILURE() << how << ": key" << i << " is gone and nobody said so";
          break;
        }
      }
      engine->reset();
    }
    restore();
  };
  for (size_t at = 0; at < bytes.size(); at += 97) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x04);
    check(damaged, absl::StrCat("flipped at ", at));
    damaged = bytes;
    std::fill(damaged.begin() + static_cast<ptrdiff_t>(at),
              damaged.begin() + static_cast<ptrdiff_t>(std::min(at + 512, bytes.size())), '\0');
    check(damaged, absl::StrCat("zeroed at ", at));
    check(bytes.substr(0, at), absl::StrCat("cut at ", at));
  }
  EXPECT_GT(refused, 50);
  EXPECT_EQ(silent, 0);
  EXPECT_TRUE(Open().ok());
}

TEST_F(RocksDbEngineTest, ARefusalChangesNothing) {
  {
    auto engine = Open();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(Put(**engine, absl::StrCat(i), "value").ok());
  }
  const fs::path log = Log();
  const std::string bytes = Bytes(log);
  std::string damaged = bytes;
  damaged[bytes.size() / 2] = static_cast<char>(damaged[bytes.size() / 2] ^ 1);
  WriteBytes(log, damaged);
  ASSERT_TRUE(absl::IsDataLoss(Open().status()));
  EXPECT_EQ(Bytes(log), damaged);
  WriteBytes(log, bytes);
  const auto engine = Open();
  ASSERT_TRUE(engine.ok()) << engine.status();
  EXPECT_TRUE((*engine)->Get(StoreTable::kLive, "9")->has_value());
}

TEST_F(RocksDbEngineTest, GoesOnWithWhatIsLeftWhenToldTo) {
  {
    auto engine = Open();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(Put(**engine, absl::StrCat(i), "value").ok());
  }
  const std::string bytes = Bytes(Log());
  WriteBytes(Log(), bytes.substr(0, bytes.size() / 2));
  ASSERT_TRUE(absl::IsDataLoss(Open().status()));
  options_.accept_data_loss = true;
  {
    auto engine = Open();
    ASSERT_TRUE(engine.ok()) << engine.status();
    EXPECT_TRUE((*engine)->Get(StoreTable::kLive, "0")->has_value());
    EXPECT_FALSE((*engine)->Get(StoreTable::kLive, "9")->has_value());
    EXPECT_THAT((*engine)->accepted_loss(), HasSubstr("but it was synced up to"));
    ASSERT_TRUE(Put(**engine, "new", "value").ok());
  }
  options_.accept_data_loss = false;
  EXPECT_TRUE(Open().ok()) << "the next start has lost nothing";
}

TEST_F(RocksDbEngineTest, ADamagedMarkIsTold) {
  {
    auto engine = Open();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(Put(**engine, absl::StrCat(i), "value").ok());
  }
  WriteBytes(options_.mark_path, "nonsense");
  EXPECT_TRUE(absl::IsDataLoss(Open().status()));
  options_.accept_data_loss = true;
  EXPECT_TRUE(Open().ok());
}

// A disk that fails one sync and then says that all is well: nothing is written after it.
TEST_F(RocksDbEngineTest, ASyncThatFailedIsNotTriedAgain) {
  for (int nth = 1; nth <= 5; ++nth) {
    fs::remove_all(options_.path);
    fs::remove(options_.mark_path);
    Fault fault;
    const auto files = std::make_shared<FaultyFileSystem>(fault);
    const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
    options_.env = env.get();
    std::vector<std::string> acknowledged;
    {
      auto engine = Open();
      ASSERT_TRUE(engine.ok()) << engine.status();
      fault.sync_in = nth;
      for (int i = 0; i < 10; ++i) {
        const absl::Status status = Put(**engine, absl::StrCat(i), "value");
        if (status.ok()) {
          acknowledged.push_back(absl::StrCat(i));
        } else {
          EXPECT_EQ(DetailsOf(status).reason, "STORE_FAILED") << status;
        }
      }
      EXPECT_EQ(acknowledged.size(), static_cast<size_t>(nth - 1));
      EXPECT_EQ(fault.syncs_after, 0) << "by a write after the failure";
    }
    options_.env = nullptr;
    const auto engine = Open();
    ASSERT_TRUE(engine.ok()) << engine.status();
    for (const std::string& key : acknowledged) {
      EXPECT_TRUE((*engine)->Get(StoreTable::kLive, key)->has_value()) << key;
    }
  }
}

// A disk that is full, has a little room, is full again, and so on.
TEST_F(RocksDbEngineTest, AFullDiskIsToldAndWritesGoOnWhenThereIsRoom) {
  for (const bool in_sync : {false, true}) {
    SCOPED_TRACE(in_sync ? "in syncs" : "in writes");
    fs::remove_all(options_.path);
    fs::remove(options_.mark_path);
    Fault fault;
    const auto files = std::make_shared<FaultyFileSystem>(fault);
    const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
    options_.env = env.get();
    std::vector<std::string> kept;
    std::vector<std::string> refused;
    {
      auto engine = Open();
      ASSERT_TRUE(engine.ok()) << engine.status();
      // The database looks at the disk from time to time: Busy until it has.
      const auto put = [&](const std::string& key, bool is_to_fail) {
        absl::Status status;
        do {
          if (is_to_fail) (in_sync ? fault.full_syncs : fault.full_appends) = 1;
          status = Put(**engine, key, std::string(100, 'v'));
        } while (!is_to_fail && DetailsOf(status).reason == "STORE_FULL");
        if (is_to_fail) {
          EXPECT_EQ(DetailsOf(status).reason, "STORE_FULL") << key << status;
        } else {
          EXPECT_TRUE(status.ok()) << key << status;
        }
        (is_to_fail ? refused : kept).push_back(key);
      };
      put("a", false);
      put("b", true);
      put("c", false);
      for (const char* key : {"d", "e", "f"}) {
        put(key, true);
        // Until the fault was met: the database may have been busy before that.
        while ((in_sync ? fault.full_syncs : fault.full_appends) > 0) {
          EXPECT_EQ(DetailsOf(Put(**engine, key, "again")).reason, "STORE_FULL");
        }
      }
      put("g", false);
      EXPECT_FALSE((*engine)->Get(StoreTable::kLive, "b")->has_value());
    }
    options_.env = nullptr;
    const auto engine = Open();
    ASSERT_TRUE(engine.ok()) << engine.status();
    for (const std::string& key : kept) {
      EXPECT_TRUE((*engine)->Get(StoreTable::kLive, key)->has_value()) << key;
    }
    for (const std::string& key : refused) {
      EXPECT_FALSE((*engine)->Get(StoreTable::kLive, key)->has_value()) << key;
    }
  }
}

// The process dies right after the disk had room again, before anything else was written: what is
// not in the log must not count as synced.
TEST_F(RocksDbEngineTest, ADeathAfterAFullDiskIsNoLoss) {
  Fault fault;
  const auto files = std::make_shared<FaultyFileSystem>(fault);
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
  options_.env = env.get();
  const TemporaryDirectory spare;
  {
    auto engine = Open();
    ASSERT_TRUE(engine.ok()) << engine.status();
    ASSERT_TRUE(Put(**engine, "a", "value").ok());
    fault.full_appends = 1;
    EXPECT_EQ(DetailsOf(Put(**engine, "b", "value")).reason, "STORE_FULL");
    absl::Status synced;
    do {
      synced = (*engine)->Sync();
    } while (DetailsOf(synced).reason == "STORE_FULL");
    ASSERT_TRUE(synced.ok()) << synced;
    (*engine) = nullptr;  // Writes the mark.
    fs::copy(directory_.path(), spare.path() / "copy", fs::copy_options::recursive);
  }
  options_.env = nullptr;
  options_.path = spare.path() / "copy/db";
  options_.mark_path = spare.path() / "copy/SYNCED";
  const auto engine = Open();
  ASSERT_TRUE(engine.ok()) << engine.status();
  EXPECT_TRUE((*engine)->Get(StoreTable::kLive, "a")->has_value());
}

// What the database says of itself is no reason to die, nor to fail.
TEST_F(RocksDbEngineTest, ItsLogIsBoundedAndMayBeLost) {
  {
    RocksDbLog log(directory_.path(), 200);
    for (int i = 0; i < 20; ++i) rocksdb::Warn(&log, "line %d %s", i, std::string(40, 'x').c_str());
    const std::string text = Bytes(directory_.path() / "LOG");
    EXPECT_THAT(text, HasSubstr("line 19 xxx"));
    EXPECT_LT(text.size(), 400u);
    EXPECT_THAT(Bytes(directory_.path() / "LOG.old"), ::testing::Not(HasSubstr("line 19 xxx")));
    rocksdb::Info(&log, "not a word");
    EXPECT_THAT(Bytes(directory_.path() / "LOG"), ::testing::Not(HasSubstr("not a word")));
  }
  RocksDbLog full("/dev/full");  // No directory.
  rocksdb::Warn(&full, "lost");
  fs::remove(directory_.path() / "LOG");
  fs::create_symlink("/dev/full", directory_.path() / "LOG");
  RocksDbLog on_a_full_disk(directory_.path());
  for (int i = 0; i < 3; ++i) rocksdb::Error(&on_a_full_disk, "lost");
}

TEST_F(RocksDbEngineTest, ACheckpointIsAStoreOfItsOwn) {
  auto engine = Open();
  ASSERT_TRUE(Put(**engine, "a", "1").ok());
  const std::string copy = directory_.path() / "copy";
  ASSERT_TRUE((*engine)->Checkpoint(copy).ok());
  ASSERT_TRUE(Put(**engine, "b", "2").ok());
  ASSERT_TRUE((*engine)->Verify().ok());
  engine->reset();
  options_.path = copy;
  options_.mark_path = directory_.path() / "other-mark";
  const auto copied = Open();
  ASSERT_TRUE(copied.ok()) << copied.status();
  EXPECT_TRUE((*copied)->Get(StoreTable::kLive, "a")->has_value());
  EXPECT_FALSE((*copied)->Get(StoreTable::kLive, "b")->has_value());
}

TEST(PersistenceTest, OpensADirectoryAndComesBackToIt) {
  const TemporaryDirectory root;
  const SystemClock clock;
  PosixFileSystem files;
  PersistenceOptions options;
  options.data_dir = root.path() / "data";
  uint64_t first = 0;
  {
    const auto persistence = Persistence::Open(options, files, clock, {});
    ASSERT_TRUE(persistence.ok()) << persistence.status();
    EXPECT_TRUE((*persistence)->is_new());
    ASSERT_TRUE((*persistence)->store().Recover([](Ref<TaskRecord>) {}).ok());
    first = (*persistence)->store().boot_epoch();
    EXPECT_FALSE(Persistence::Open(options, files, clock, {}).ok()) << "it is in use";
  }
  const auto again = Persistence::Open(options, files, clock, {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_GT((*again)->store().boot_epoch(), first);
}

}  // namespace
}  // namespace taskforge

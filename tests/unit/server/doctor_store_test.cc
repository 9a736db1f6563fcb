// What `taskforged doctor` says of a data directory.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>

#include "doctor_checks.h"
#include "store/data_directory.h"
#include "store/disk_probe.h"
#include "unit/server/test_config.h"

namespace taskforge {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;

auto Says(Verdict verdict, const std::string& what) {
  return Contains(AllOf(Field(&Finding::verdict, verdict), Field(&Finding::what, HasSubstr(what))));
}

class DoctorStoreTest : public ConfigFixture {
 protected:
  std::vector<Finding> Check(Options more = {}) {
    more.emplace_back("data_dir", Path("data"));
    return CheckDataDirectory(Configure(more));
  }
  void MakeData(mode_t mode = 0700) {
    std::filesystem::create_directory(Path("data"));
    chmod(Path("data").c_str(), mode);
  }
  std::string data_file(const std::string& name) const { return "data/" + name; }
};

TEST_F(DoctorStoreTest, ADirectoryThatCanBeMadeIsFineAndIsNotMade) {
  const std::vector<Finding> findings = Check();
  EXPECT_THAT(findings, Says(Verdict::kOk, "can be made"));
  EXPECT_THAT(findings, Contains(Field(&Finding::what, HasSubstr("a sync takes"))));
  EXPECT_TRUE(std::filesystem::is_empty(Path(".")));
}

TEST_F(DoctorStoreTest, KeepingAllInMemoryIsSaid) {
  const std::vector<Finding> findings = CheckDataDirectory(Configure({{"data_dir", "none"}}));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_THAT(findings, Says(Verdict::kOk, "in memory"));
}

TEST_F(DoctorStoreTest, AFileInItsPlaceIsAProblem) {
  Write("data", "x");
  EXPECT_THAT(Check(), Says(Verdict::kProblem, "is no directory"));
}

TEST_F(DoctorStoreTest, OthersWhoMayLookAreAWarning) {
  MakeData(0755);
  EXPECT_THAT(Check(), Says(Verdict::kWarning, "other users may look into"));
  chmod(Path("data").c_str(), 0700);
  EXPECT_THAT(Check(), Says(Verdict::kOk, "is there, and writable"));
}

TEST_F(DoctorStoreTest, AnotherServerIsAProblem) {
  MakeData();
  const int fd = ::open(Write(data_file("LOCK"), "").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::flock(fd, LOCK_EX), 0);
  EXPECT_THAT(Check(), Says(Verdict::kProblem, "is in use by another server"));
  ::close(fd);
  EXPECT_THAT(Check(), ::testing::Not(Says(Verdict::kProblem, "is in use")));
}

TEST_F(DoctorStoreTest, AFormatThatItMustNotWriteIsAProblem) {
  MakeData();
  Write(data_file("FORMAT"), PrintDataFormat({99, 1, 99}));
  EXPECT_THAT(Check(), Says(Verdict::kProblem, "has format 99"));
  Write(data_file("FORMAT"), "nonsense");
  EXPECT_THAT(Check(), Says(Verdict::kProblem, "FORMAT is not what a server writes"));
  Write(data_file("FORMAT"), PrintDataFormat({kDataFormat, kDataFormat, kDataFormat}));
  EXPECT_THAT(Check(), ::testing::Not(Says(Verdict::kProblem, "FORMAT")));
}

// Of a disk of less than four times that, a quarter is enough: no disk has so much.
TEST_F(DoctorStoreTest, TellsWhatIsFree) {
  EXPECT_THAT(Check({{"store.min_free_bytes", "4MiB"}, {"store.write_buffer_bytes", "4MiB"}}),
              Says(Verdict::kOk, "MiB are free"));
}

TEST_F(DoctorStoreTest, MemoryIsNoDisk) {
  const std::string path = "/dev/shm/taskforge-doctor-test";
  EXPECT_THAT(CheckDataDirectory(Configure({{"data_dir", path}})),
              Says(Verdict::kWarning, "on tmpfs, which is memory"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(DoctorStoreTest, LooksAtTheDirectoryForBackups) {
  Write("backups", "x");
  EXPECT_THAT(Check({{"store.backup_dir", Path("backups")}}),
              Says(Verdict::kProblem, "store.backup_dir: "));
}

TEST(JudgeSync, ADiskThatIsTooFastIsToldAndSoIsASlowOne) {
  const struct {
    absl::Duration median;
    bool is_volatile;
    Verdict verdict;
    const char* says;
  } kCases[] = {
      {absl::Microseconds(3), false, Verdict::kWarning, "faster than any disk"},
      {LeastHonestSync() - absl::Nanoseconds(1), false, Verdict::kWarning, "faster than any disk"},
      {LeastHonestSync(), false, Verdict::kOk, "20us"},
      {absl::Microseconds(3), true, Verdict::kOk, "3us"},
      {absl::Milliseconds(4), false, Verdict::kOk, "4ms"},
      {absl::Milliseconds(80), false, Verdict::kWarning, "waits for one"},
  };
  for (const auto& each : kCases) {
    const Finding finding = JudgeSync(each.median, each.is_volatile);
    EXPECT_EQ(finding.verdict, each.verdict) << finding.what;
    EXPECT_THAT(finding.what, HasSubstr(each.says));
    EXPECT_EQ(finding.advice.empty(), each.verdict == Verdict::kOk) << finding.advice;
  }
}

}  // namespace
}  // namespace taskforge

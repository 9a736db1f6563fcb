#include "base/cpu_budget.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace taskforge {
namespace {

// A cgroup file system and a /proc/self/cgroup of the test's own.
class CpuBudgetTest : public testing::Test {
 protected:
  CpuBudgetTest() {
    const testing::TestInfo* info = testing::UnitTest::GetInstance()->current_test_info();
    root_ = std::filesystem::path(testing::TempDir()) /
            (std::string("cgroup_") + info->name() + std::to_string(getpid()));
    std::filesystem::create_directories(root_);
  }
  ~CpuBudgetTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  CpuBudget Read() { return ReadCpuBudget(root_.string(), (root_ / "self").string()); }
  double Throttled() { return ReadThrottledSeconds(root_.string(), (root_ / "self").string()); }

  std::filesystem::path root_;
};

TEST_F(CpuBudgetTest, NoCgroupIsUnlimited) {
  const CpuBudget budget = Read();
  EXPECT_FALSE(budget.allowed_cpus.empty());
  EXPECT_EQ(budget.quota_cores, std::nullopt);
  EXPECT_EQ(budget.memory_limit_bytes, std::nullopt);
  EXPECT_EQ(budget.cpus(), static_cast<int>(budget.allowed_cpus.size()));
  EXPECT_EQ(Throttled(), 0.0);
}

TEST_F(CpuBudgetTest, ReadsTheLimitsOfVersionTwo) {
  Write("self", "0::/pod/app\n");
  Write("pod/app/cpu.max", "150000 100000\n");
  Write("pod/app/memory.max", "1073741824\n");
  Write("pod/app/cpu.stat", "usage_usec 5\nnr_throttled 3\nthrottled_usec 2500000\n");
  const CpuBudget budget = Read();
  EXPECT_EQ(budget.quota_cores, 1.5);
  EXPECT_EQ(budget.memory_limit_bytes, 1073741824);
  EXPECT_EQ(Throttled(), 2.5);
}

TEST_F(CpuBudgetTest, TheTightestAncestorCounts) {
  Write("self", "0::/pod/app\n");
  Write("pod/app/cpu.max", "400000 100000\n");
  Write("pod/cpu.max", "50000 100000\n");
  Write("pod/app/memory.max", "max\n");
  Write("pod/memory.max", "4096\n");
  EXPECT_EQ(Read().quota_cores, 0.5);
  EXPECT_EQ(Read().memory_limit_bytes, 4096);
  EXPECT_EQ(Read().cpus(), 1);
}

TEST_F(CpuBudgetTest, MaxIsUnlimited) {
  Write("self", "0::/\n");
  Write("cpu.max", "max 100000\n");
  Write("memory.max", "max\n");
  EXPECT_EQ(Read().quota_cores, std::nullopt);
  EXPECT_EQ(Read().memory_limit_bytes, std::nullopt);
}

TEST_F(CpuBudgetTest, ReadsTheLimitsOfVersionOne) {
  // The line of cpuset comes first and must not be taken for cpu's.
  Write("self", "12:cpuset:/wrong\n4:cpu,cpuacct:/app\n2:memory:/app\n");
  Write("cpu/app/cpu.cfs_quota_us", "300000\n");
  Write("cpu/app/cpu.cfs_period_us", "100000\n");
  Write("cpu/app/cpu.stat", "throttled_time 1500000000\n");
  Write("memory/app/memory.limit_in_bytes", "8192\n");
  EXPECT_EQ(Read().quota_cores, 3.0);
  EXPECT_EQ(Read().memory_limit_bytes, 8192);
  EXPECT_EQ(Throttled(), 1.5);
}

TEST_F(CpuBudgetTest, VersionOnesUnlimitedIsUnlimited) {
  Write("self", "4:cpu,cpuacct:/\n2:memory:/\n");
  Write("cpu/cpu.cfs_quota_us", "-1\n");
  Write("cpu/cpu.cfs_period_us", "100000\n");
  Write("memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(Read().quota_cores, std::nullopt);
  EXPECT_EQ(Read().memory_limit_bytes, std::nullopt);
}

TEST_F(CpuBudgetTest, NonsenseIsUnlimited) {
  Write("self", "nonsense\n0::/\n");
  Write("cpu.max", "0 0\n");
  Write("memory.max", "many\n");
  EXPECT_EQ(Read().quota_cores, std::nullopt);
  EXPECT_EQ(Read().memory_limit_bytes, std::nullopt);
}

// A thread that was put on one processor must not take that for all there is.
TEST_F(CpuBudgetTest, CountsForTheProcessWhoeverAsks) {
  const CpuBudget before = Read();
  CpuBudget seen;
  std::thread([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(before.allowed_cpus.back(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    seen = Read();
  }).join();
  EXPECT_EQ(seen.allowed_cpus, before.allowed_cpus);
}

TEST(CpuBudget, RoundsAQuotaUpAndIsAtLeastOne) {
  CpuBudget budget;
  budget.allowed_cpus = {0, 1, 2, 3};
  EXPECT_EQ(budget.cpus(), 4);
  budget.quota_cores = 2.1;
  EXPECT_EQ(budget.cpus(), 3);
  budget.quota_cores = 0.01;
  EXPECT_EQ(budget.cpus(), 1);
  budget.quota_cores = 64;
  EXPECT_EQ(budget.cpus(), 4);
}

}  // namespace
}  // namespace taskforge

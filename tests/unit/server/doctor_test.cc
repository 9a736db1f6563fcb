#include "doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/server/test_config.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// A machine on which nothing is wrong.
MachineFacts GoodMachine() {
  MachineFacts machine;
  machine.budget.allowed_cpus = {0, 1};
  machine.memory_bytes = uint64_t{8} << 30;
  machine.descriptors_max = 65536;
  machine.now = absl::FromUnixSeconds(1'800'000'000);
  machine.is_clock_synchronized = true;
  return machine;
}

class DoctorTest : public ConfigFixture {
 protected:
  // The finding about `what`.
  static Finding Find(const std::vector<Finding>& findings, const std::string& what) {
    for (const Finding& finding : findings) {
      if (finding.what.rfind(what + ":", 0) == 0) return finding;
    }
    ADD_FAILURE() << "nothing about " << what << " in\n" << Render(findings);
    return {};
  }
};

TEST_F(DoctorTest, FindsNothingWhereNothingIsWrong) {
  const Config& config =
      Configure({{"grpc.listen", "127.0.0.1:0"}, {"admin.listen", "127.0.0.1:0"}});
  const std::vector<Finding> findings = Examine(absl::OkStatus(), config, GoodMachine());
  EXPECT_GE(findings.size(), 9U);
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.verdict, Verdict::kOk) << finding.what;
    EXPECT_THAT(finding.advice, IsEmpty()) << finding.what;
  }
  EXPECT_FALSE(HasProblem(findings));
}

TEST_F(DoctorTest, EveryMistakeOfTheConfigurationIsALine) {
  const Config& config = Configure({});
  const std::vector<Finding> findings =
      Examine(absl::InvalidArgumentError("pool.min_threads: no\nbus: no"), config, GoodMachine());
  const std::string text = Render(findings);
  EXPECT_THAT(text, StartsWith("problem  configuration: pool.min_threads: no  — "));
  EXPECT_THAT(text, HasSubstr("\nproblem  configuration: bus: no  — "));
  // What the configuration would say of addresses and files is not known.
  EXPECT_THAT(text, Not(HasSubstr("grpc.listen")));
  EXPECT_THAT(text, HasSubstr("open files"));
  EXPECT_TRUE(HasProblem(findings));
}

TEST_F(DoctorTest, SaysWhatTheMachineLacks) {
  MachineFacts machine = GoodMachine();
  machine.descriptors_max = 4095;
  machine.is_clock_synchronized = false;
  machine.has_schedstat = false;
  const std::vector<Finding> findings = CheckMachine(machine);
  EXPECT_EQ(Find(findings, "open files").verdict, Verdict::kWarning);
  EXPECT_THAT(Find(findings, "open files").what, HasSubstr("4095"));
  EXPECT_EQ(Find(findings, "clock").verdict, Verdict::kWarning);
  EXPECT_EQ(Find(findings, "kernel").verdict, Verdict::kWarning);
  for (const Finding& finding : findings) EXPECT_THAT(finding.advice, Not(IsEmpty()));
  machine.now = absl::FromUnixSeconds(1000);
  EXPECT_EQ(Find(CheckMachine(machine), "clock").verdict, Verdict::kProblem);
  machine = GoodMachine();
  machine.is_clock_synchronized.reset();
  EXPECT_EQ(Find(CheckMachine(machine), "clock").verdict, Verdict::kOk);
}

TEST_F(DoctorTest, HoldsTheLimitsAgainstTheMemory) {
  const Config& config = Configure({{"queues.default.max_bytes", "256MiB"},
                                    {"queues.mail.max_bytes", "256MiB"},
                                    {"results.max_bytes", "512MiB"}});
  const struct {
    uint64_t machine_mib;
    int64_t cgroup_mib;  // 0: none.
    Verdict verdict;
  } kCases[] = {
      {8192, 0, Verdict::kOk},
      {8192, 1500, Verdict::kOk},
      {8192, 1200, Verdict::kWarning},
      {8192, 1000, Verdict::kProblem},
      {1000, 0, Verdict::kProblem},
      {1000, 4096, Verdict::kProblem},
      {0, 0, Verdict::kOk},
      {0, 1000, Verdict::kProblem},
  };
  for (const auto& each : kCases) {
    MachineFacts machine = GoodMachine();
    machine.memory_bytes = each.machine_mib << 20;
    if (each.cgroup_mib > 0) machine.budget.memory_limit_bytes = each.cgroup_mib << 20;
    const Finding finding = Find(CheckResources(config, machine), "memory");
    EXPECT_EQ(finding.verdict, each.verdict) << finding.what;
    EXPECT_THAT(finding.what, HasSubstr("1024 MiB"));
  }
}

TEST_F(DoctorTest, HoldsTheConfigurationAgainstTheProcessors) {
  MachineFacts machine = GoodMachine();
  const auto verdict = [&](const std::string& cpus) {
    return Find(CheckResources(Configure({{"pool.cpus", cpus}}), machine), "processors").verdict;
  };
  EXPECT_EQ(verdict("0"), Verdict::kOk);
  EXPECT_EQ(verdict("2"), Verdict::kOk);
  EXPECT_EQ(verdict("3"), Verdict::kWarning);
  machine.budget.quota_cores = 0.5;
  EXPECT_EQ(verdict("0"), Verdict::kWarning);
}

TEST_F(DoctorTest, ReadsThisMachine) {
  const MachineFacts machine = ReadMachineFacts();
  EXPECT_FALSE(machine.budget.allowed_cpus.empty());
  EXPECT_GT(machine.memory_bytes, 0U);
  EXPECT_GT(machine.descriptors_max, 0U);
  EXPECT_GT(machine.now, absl::FromUnixSeconds(1'700'000'000));
}

}  // namespace
}  // namespace taskforge

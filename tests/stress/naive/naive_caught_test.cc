// The checks can fail: each wrong structure is caught, in every build by an interleaving that is
// forced, and in a sanitizer build by its report as well.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "stress/bus_driver.h"
#include "stress/container_driver.h"
#include "stress/naive/naive_bus.h"
#include "stress/naive/naive_containers.h"

namespace taskforge {
namespace {

using testing::HasSubstr;

TEST(NaiveQueue, DeliversAnItemTwiceWhenInterrupted) {
  using Queue = naive::NaiveQueue<uint64_t, ScriptedYield, naive::RecycledNodes>;
  EXPECT_THAT((CheckInterruptedPop<Queue, Order::kFifo>()), HasSubstr("item 1 came 2 times"));
}

TEST(NaiveStack, TakesANewHeadForAnOldOne) {
  using Stack = naive::NaiveStack<uint64_t, ScriptedYield, naive::RecycledNodes>;
  EXPECT_THAT((CheckInterruptedPop<Stack, Order::kLifo>()), HasSubstr("times"));
}

// The first of the interrupted histories that is not linearizable says so.
template <typename Container, Order kOrder>
std::string WhatIsNotLinearizable() {
  for (int point = 1; point < kMostPoints; ++point) {
    const std::vector<Operation> history = InterruptedPop<Container>(point);
    const std::string wrong = CheckLinearizable<SequentialContainer<kOrder>>(history);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

TEST(NaiveQueue, IsNotLinearizable) {
  using Queue = naive::NaiveQueue<uint64_t, ScriptedYield, naive::RecycledNodes>;
  EXPECT_THAT((WhatIsNotLinearizable<Queue, Order::kFifo>()), HasSubstr("no order explains"));
}

TEST(NaiveStack, IsNotLinearizable) {
  using Stack = naive::NaiveStack<uint64_t, ScriptedYield, naive::RecycledNodes>;
  EXPECT_THAT((WhatIsNotLinearizable<Stack, Order::kLifo>()), HasSubstr("no order explains"));
}

TEST(NaiveBus, LosesAWakeUp) {
  using Bus = naive::NaiveBus<ScriptedYield, naive::RecycledNodes>;
  EXPECT_THAT(CheckNoLostWakeUp<Bus>(), HasSubstr("slept beside an event"));
}

#ifdef TASKFORGE_SANITIZER_REPORT
class NaiveUnderSanitizer : public testing::TestWithParam<const char*> {};

// What the stress says to one of the wrong structures, from that seed on; appended to `output`.
// Returns its exit status.
int RunStress(const std::string& what, int seed, std::string& output) {
  // A list that is broken may also never end.
  const std::string command =
      absl::StrCat("timeout 20 '", TASKFORGE_NAIVE_STRESS, "' ", what, " ", seed, " 2>&1");
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return 0;
  std::array<char, 4096> buffer;
  for (size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    output.append(buffer.data(), n);
  }
  return pclose(pipe);
}

// Who is preempted where is chance: it is tried until there is a report.
TEST_P(NaiveUnderSanitizer, DiesWithAReport) {
  constexpr int kTries = 5;
  const std::string report = TASKFORGE_SANITIZER_REPORT;
  std::string output;
  int status = 0;
  for (int i = 0; i < kTries && output.find(report) == std::string::npos; ++i) {
    status = RunStress(GetParam(), 1 + 10 * i, output);
  }
  EXPECT_NE(status, 0);
  EXPECT_THAT(output, HasSubstr(report));
}
INSTANTIATE_TEST_SUITE_P(Each, NaiveUnderSanitizer, testing::Values("queue", "stack", "bus"));
#endif

}  // namespace
}  // namespace taskforge

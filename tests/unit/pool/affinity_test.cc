#include "pool/affinity.h"

#include <sched.h>
#include <unistd.h>

#include <numeric>
#include <string>
#include <vector>

#include "base/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The order in which the seats get their processors, in a machine as hwloc's language describes it.
std::vector<int> Order(AffinityMode mode, const std::string& machine,
                       const std::vector<int>& cpus) {
  const AffinityPlan plan({mode, {}}, ReadCpuPlaces(cpus, machine));
  std::vector<int> order;
  for (uint32_t seat = 0; seat < cpus.size(); ++seat) {
    const std::vector<int> mask = plan.ForSeat(seat);
    EXPECT_EQ(mask.size(), 1u);
    order.push_back(mask.at(0));
  }
  EXPECT_EQ(plan.ForSeat(static_cast<uint32_t>(cpus.size())), std::vector<int>{order[0]});
  return order;
}

std::vector<int> UpTo(int count) {
  std::vector<int> cpus(static_cast<size_t>(count));
  std::iota(cpus.begin(), cpus.end(), 0);
  return cpus;
}

// Two packages of two cores of two processors: 0 and 1 are of one core.
constexpr char kTwoPackages[] = "pack:2 core:2 pu:2";

TEST(AffinityPlanTest, CompactTakesNeighboursFirst) {
  EXPECT_THAT(Order(AffinityMode::kCompact, kTwoPackages, UpTo(8)),
              ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  // As firmware likes to number them: first one processor of each core.
  EXPECT_THAT(Order(AffinityMode::kCompact, "pack:2 core:2 pu:2(indexes=0,4,1,5,2,6,3,7)", UpTo(8)),
              ElementsAre(0, 4, 1, 5, 2, 6, 3, 7));
}

TEST(AffinityPlanTest, SpreadTakesPackagesThenCoresThenTheSecondOfACore) {
  EXPECT_THAT(Order(AffinityMode::kSpread, kTwoPackages, UpTo(8)),
              ElementsAre(0, 4, 2, 6, 1, 5, 3, 7));
}

TEST(AffinityPlanTest, SpreadTakesSharedCachesInTurnToo) {
  EXPECT_THAT(Order(AffinityMode::kSpread, "pack:1 l3:2 core:2 pu:1", UpTo(4)),
              ElementsAre(0, 2, 1, 3));
  EXPECT_THAT(Order(AffinityMode::kSpread, "pack:1 numa:2 core:2 pu:1", UpTo(4)),
              ElementsAre(0, 2, 1, 3));
}

// Of a core whose first processor is not for us, the second is the first.
TEST(AffinityPlanTest, CountsOnlyTheProcessorsThatTheProcessMayUse) {
  EXPECT_THAT(Order(AffinityMode::kSpread, kTwoPackages, {1, 2, 3, 6}), ElementsAre(1, 6, 2, 3));
  EXPECT_THAT(Order(AffinityMode::kCompact, kTwoPackages, {6, 3, 1}), ElementsAre(1, 3, 6));
}

TEST(AffinityPlanTest, TakesTheirNumbersWhereHwlocSeesNothing) {
  for (const AffinityMode mode : {AffinityMode::kCompact, AffinityMode::kSpread}) {
    EXPECT_THAT(Order(mode, "no machine at all", {9, 3, 6}), ElementsAre(3, 6, 9));
    EXPECT_THAT(Order(mode, kTwoPackages, {20, 2, 1}), ElementsAre(1, 2, 20)) << "one is not there";
    EXPECT_THAT(Order(mode, kTwoPackages, {30, 20}), ElementsAre(20, 30)) << "none is";
  }
}

TEST(AffinityPlanTest, ThisMachineIsSeen) {
  const std::vector<int> usable = *ThreadCpus(getpid());
  const std::vector<CpuPlace> places = ReadCpuPlaces(usable);
  ASSERT_EQ(places.size(), usable.size());
  for (size_t i = 0; i < usable.size(); ++i) {
    EXPECT_EQ(places[i].cpu, usable[i]);
    EXPECT_GE(places[i].path.size(), 2u) << "a machine and a processor at least";
  }
  EXPECT_EQ(ThreadCpus(0), usable) << "to look does not move who looks";
}

TEST(AffinityPlanTest, NoneAndExplicitNeedNoMachine) {
  EXPECT_TRUE(AffinityPlan({AffinityMode::kNone, {}}, {}).ForSeat(3).empty());
  const AffinityPlan plan({AffinityMode::kExplicit, {{0}, {1, 2}}}, {});
  EXPECT_THAT(plan.ForSeat(0), ElementsAre(0));
  EXPECT_THAT(plan.ForSeat(3), ElementsAre(1, 2));
}

TEST(CpusTextTest, IsSortedRanges) {
  EXPECT_EQ(CpusText({}), "none");
  EXPECT_EQ(CpusText({3}), "3");
  EXPECT_EQ(CpusText({6, 2, 0, 1, 2}), "0-2,6");
  EXPECT_EQ(CpusText({1, 3}), "1,3");
}

TEST(CheckCpusTest, EveryProcessorMustBeOneThatTheProcessMayUse) {
  const std::vector<int> usable = *ThreadCpus(getpid());
  EXPECT_TRUE(CheckCpus({}).ok());
  EXPECT_TRUE(CheckCpus(usable).ok());
  // One that can be used does not excuse the others.
  const absl::Status status = CheckCpus({usable.front(), CPU_SETSIZE - 1, -1, CPU_SETSIZE});
  ASSERT_TRUE(absl::IsInvalidArgument(status));
  const std::vector<FieldViolation> violations = DetailsOf(status).field_violations;
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "cpus");
  EXPECT_THAT(violations[0].description, HasSubstr(CpusText(usable)));
  EXPECT_THAT(violations[0].description, HasSubstr("not -1,1023-1024"));
  EXPECT_THAT(violations[0].description, HasSubstr("without processors"));
}

}  // namespace
}  // namespace taskforge

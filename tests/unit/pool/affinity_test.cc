#include "pool/affinity.h"

#include <sched.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;

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

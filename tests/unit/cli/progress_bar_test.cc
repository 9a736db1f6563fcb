#include "cli/progress_bar.h"

#include <gtest/gtest.h>

namespace taskforge::cli {
namespace {

TEST(RenderProgress, FillsTheBarByShare) {
  EXPECT_EQ(RenderProgress(600, 1000, "", 10), "[######----]  60 %  600 of 1,000 tasks");
  EXPECT_EQ(RenderProgress(0, 3, "", 4), "[----]   0 %  0 of 3 tasks");
  EXPECT_EQ(RenderProgress(3, 3, "1 failed", 4), "[####] 100 %  3 of 3 tasks  1 failed");
}

TEST(RenderProgress, NeverOverflows) {
  EXPECT_EQ(RenderProgress(12, 10, "", 4), "[####] 100 %  12 of 10 tasks");
}

TEST(RenderProgress, CountsWithoutATotal) { EXPECT_EQ(RenderProgress(12, 0, "", 4), "12 tasks"); }

TEST(RenderProgress, HasNoBarOfNoWidth) {
  EXPECT_EQ(RenderProgress(1, 2, "", 0), " 50 %  1 of 2 tasks");
}

}  // namespace
}  // namespace taskforge::cli

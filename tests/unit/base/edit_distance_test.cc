#include "base/edit_distance.h"

#include "gtest/gtest.h"

namespace taskforge {
namespace {

// The least number of insertions, removals and replacements, the same in both directions.
TEST(EditDistanceTest, CountsTheLeastChanges) {
  struct Case {
    absl::string_view a;
    absl::string_view b;
    size_t distance;
  };
  for (const Case& c :
       {Case{"", "", 0}, Case{"", "abc", 3}, Case{"sha256", "sha256", 0},
        Case{"sha256", "sha25", 1}, Case{"sha256", "xsha256", 1}, Case{"sha256", "sha266", 1},
        Case{"ab", "ba", 2}, Case{"kitten", "sitting", 3}, Case{"flaw", "lawn", 2}}) {
    EXPECT_EQ(EditDistance(c.a, c.b), c.distance) << c.a << ", " << c.b;
    EXPECT_EQ(EditDistance(c.b, c.a), c.distance) << c.b << ", " << c.a;
  }
}

}  // namespace
}  // namespace taskforge

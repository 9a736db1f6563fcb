#include "cli/table.h"

#include <gtest/gtest.h>

namespace taskforge::cli {
namespace {

TEST(DisplayWidth, CountsCodePoints) {
  EXPECT_EQ(DisplayWidth(""), 0u);
  EXPECT_EQ(DisplayWidth("80 µs"), 5u);
  EXPECT_EQ(DisplayWidth("a → b"), 5u);
}

TEST(Table, AlignsTextLeftAndNumbersRight) {
  Table table({"NAME", ">COUNT"});
  table.Add({"echo", "7"});
  table.Add({"wordcount", "1,234"});
  EXPECT_EQ(table.Render(false),
            "NAME       COUNT\n"
            "echo           7\n"
            "wordcount  1,234\n");
}

TEST(Table, AlignsTextThatIsNotAscii) {
  Table table({">WAIT", "X"});
  table.Add({"80 µs", "a"});
  table.Add({"120 ns", "b"});
  EXPECT_EQ(table.Render(false), "  WAIT  X\n 80 µs  a\n120 ns  b\n");
}

TEST(Table, LeavesNoBlanksAtTheEndOfLines) {
  Table table({"A", "B"});
  table.Add({"x"});
  EXPECT_EQ(table.Render(false), "A  B\nx\n");
}

TEST(Table, ColoursOnlyWhenAsked) {
  Table table({"A"});
  EXPECT_EQ(table.Render(false), "A\n");
  EXPECT_EQ(table.Render(true), "\x1b[1mA\x1b[0m\n");
}

}  // namespace
}  // namespace taskforge::cli

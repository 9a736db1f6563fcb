#include "rpc/paging.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

const std::vector<std::string> kItems = {"a", "b", "c", "d", "e"};

std::string Take(const std::vector<std::string>& items, int size, const std::string& token,
                 std::vector<std::string>& out, Violations& violations) {
  return Page(
      items, size, token, [](const std::string& item) { return item; }, violations,
      [&out](const std::string& item) { out.push_back(item); });
}

TEST(Page, GivesEverythingOnceInPages) {
  Violations violations;
  std::vector<std::string> all;
  std::string token;
  int pages = 0;
  do {
    token = Take(kItems, 2, token, all, violations);
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(all, kItems);
  EXPECT_EQ(pages, 3);
  EXPECT_TRUE(violations.empty());
}

TEST(Page, ItemsThatGoBetweenPagesDoNotMoveTheOthers) {
  Violations violations;
  std::vector<std::string> all;
  const std::string token = Take(kItems, 2, "", all, violations);
  Take({"c", "d"}, 2, token, all, violations);
  EXPECT_THAT(all, testing::ElementsAre("a", "b", "c", "d"));
}

TEST(Page, RefusesATokenThatIsNotOurs) {
  for (const char* token : {"x", "!!!", "YWJj"}) {
    Violations violations;
    std::vector<std::string> all;
    Take(kItems, 2, token, all, violations);
    EXPECT_EQ(violations.TakeStatus().code(), absl::StatusCode::kInvalidArgument) << token;
  }
}

TEST(PageSizeFrom, HasDefaultAndLimit) {
  Violations violations;
  EXPECT_EQ(PageSizeFrom(0, violations), 100);
  EXPECT_EQ(PageSizeFrom(1000, violations), 1000);
  EXPECT_TRUE(violations.empty());
  PageSizeFrom(1001, violations);
  PageSizeFrom(-1, violations);
  EXPECT_EQ(DetailsOf(violations.TakeStatus()).field_violations.size(), 2U);
}

}  // namespace
}  // namespace taskforge

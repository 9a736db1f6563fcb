#include "intake/shared_names.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

TEST(SharedNamesTest, TheSameNameIsTheSameCharacters) {
  SharedNames names;
  const SharedText first = names.Share("echo");
  const SharedText second = names.Share(std::string("echo"));
  EXPECT_EQ(second, "echo");
  EXPECT_EQ(second.view().data(), first.view().data());
}

TEST(SharedNamesTest, MoreNamesThanPlacesStayWhatTheyAre) {
  SharedNames names;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 1000; ++i) {
      const std::string name = absl::StrCat("handler-", i);
      EXPECT_EQ(names.Share(name), name);
    }
  }
}

}  // namespace
}  // namespace taskforge

#include "base/shared_text.h"

#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace taskforge {
namespace {

TEST(SharedTextTest, IsAWordAndACopySharesTheCharacters) {
  static_assert(sizeof(SharedText) == sizeof(void*));
  const SharedText text = std::string("a text that is no literal");
  const SharedText copy = text;
  EXPECT_EQ(copy, "a text that is no literal");
  EXPECT_EQ(copy.view().data(), text.view().data());
}

TEST(SharedTextTest, ComparesByCharacters) {
  EXPECT_EQ(SharedText("ab"), SharedText(std::string("ab")));
  EXPECT_FALSE(SharedText("ab") == SharedText("ac"));
  EXPECT_FALSE(SharedText("ab") == SharedText("abc"));
  EXPECT_FALSE(SharedText() == SharedText("a"));
}

TEST(SharedTextTest, AnEmptyOneIsEmptyHoweverItIsMade) {
  for (const SharedText& text : {SharedText(), SharedText(""), SharedText(std::string())}) {
    EXPECT_TRUE(text.empty());
    EXPECT_EQ(text.size(), 0u);
    EXPECT_EQ(text, "");
  }
}

TEST(SharedTextTest, KeepsZerosAndEveryByte) {
  const std::string bytes("\0\xFF\n\0", 4);
  EXPECT_EQ(SharedText(bytes).str(), bytes);
}

TEST(SharedTextTest, ATextThatIsReplacedStaysForThoseWhoShareIt) {
  SharedText text = "first";
  const SharedText kept = text;
  text = "second";
  EXPECT_EQ(kept, "first");
  EXPECT_EQ(text, "second");
  text = SharedText(text);
  EXPECT_EQ(text, "second");
}

// TSan and ASan say whether the count is right.
TEST(SharedTextTest, IsCopiedAndDroppedByManyThreads) {
  const SharedText text = "shared by all";
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([copy = text] {
      for (int i = 0; i < 1000; ++i) {
        const SharedText again = copy;
        ASSERT_EQ(again.size(), 13u);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(text, "shared by all");
}

}  // namespace
}  // namespace taskforge

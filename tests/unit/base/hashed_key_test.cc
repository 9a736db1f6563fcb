#include "base/hashed_key.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace taskforge {
namespace {

TEST(HashedKeyTest, IsWhatItsTextIs) {
  const std::string text = "queues/default/tasks/a";
  const std::string same = text;
  EXPECT_EQ(HashedKey(text), HashedKey(same));
  EXPECT_EQ(HashedKey::Hash()(HashedKey(text)), HashedKey(same).hash);
  EXPECT_EQ(HashedKey(text, HashedKey(text).hash), HashedKey(same));
  EXPECT_FALSE(HashedKey("a") == HashedKey("b"));
}

// Two texts may have one hash: they are two keys for all that.
TEST(HashedKeyTest, AHashDoesNotMakeTextsEqual) {
  EXPECT_FALSE(HashedKey("a", 7) == HashedKey("b", 7));
  EXPECT_FALSE(HashedKey("a", 7) == HashedKey("ab", 7));
  const std::string text = "ab";
  EXPECT_FALSE(HashedKey(text, 7) == HashedKey(absl::string_view(text).substr(0, 1), 7))
      << "they begin at one place";
}

TEST(HashedKeyTest, KeysSpreadOverAllShards) {
  for (const size_t count : {1, 16, 256}) {
    std::set<size_t> shards;
    for (int i = 0; i < 10'000; ++i) {
      const std::string text = std::to_string(i);
      const size_t shard = HashedKey(text).ShardOf(count);
      ASSERT_LT(shard, count);
      shards.insert(shard);
    }
    EXPECT_EQ(shards.size(), count);
  }
}

}  // namespace
}  // namespace taskforge

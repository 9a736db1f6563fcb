#include "config/yaml_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskforge {
namespace {

using ::testing::HasSubstr;

TEST(YamlFileTest, JoinsMapsByDots) {
  const auto entries = ParseYaml("f.yaml", "pool:\n  min_threads: 3\nlog:\n  level: info\n");
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[0].key, "pool.min_threads");
  EXPECT_EQ((*entries)[0].text, "3");
  EXPECT_EQ((*entries)[0].line, 2);
  EXPECT_EQ((*entries)[0].column, 3);
}

TEST(YamlFileTest, JoinsListsByCommas) {
  const auto entries = ParseYaml("f.yaml", "grpc:\n  listen: [a, b]\n");
  ASSERT_TRUE(entries.ok());
  EXPECT_EQ((*entries)[0].text, "a,b");
}

TEST(YamlFileTest, TakesAnEmptyFileAndAnEmptyValueAsDefaults) {
  EXPECT_TRUE(ParseYaml("f.yaml", "")->empty());
  EXPECT_TRUE(ParseYaml("f.yaml", "# only a comment\n")->empty());
  EXPECT_TRUE(ParseYaml("f.yaml", "pool:\n")->empty());
}

TEST(YamlFileTest, SaysWhereItIsNotYaml) {
  const absl::Status status = ParseYaml("f.yaml", "a: 1\nb: [1\n").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("f.yaml:"));
}

TEST(YamlFileTest, RefusesAKeyThatStandsTwice) {
  const absl::Status status = ParseYaml("f.yaml", "a: 1\na: 2\n").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("f.yaml:2:1: `a` stands here twice"));
}

TEST(YamlFileTest, RefusesWhatIsNoMap) {
  EXPECT_FALSE(ParseYaml("f.yaml", "- 1\n- 2\n").ok());
  EXPECT_FALSE(ParseYaml("f.yaml", "just text").ok());
  EXPECT_FALSE(ParseYaml("f.yaml", "a:\n  - {b: 1}\n").ok());
}

}  // namespace
}  // namespace taskforge

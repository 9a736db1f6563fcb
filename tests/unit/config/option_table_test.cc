#include "config/option_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

namespace taskforge {
namespace {

using ::testing::HasSubstr;

struct Values {
  int threads = 2;
  uint16_t port = 7480;
  bool growth = true;
  absl::Duration idle = absl::Seconds(60);
  uint64_t bytes = 64 << 20;
  std::string name = "x";
  std::vector<std::string> list;
};

class OptionTableTest : public ::testing::Test {
 protected:
  OptionTableTest() {
    table_.Add("pool.min_threads", "Least threads.", &values_.threads);
    table_.Add("grpc.port", "Port.", &values_.port);
    table_.Add("pool.allow_growth", "Growth.", &values_.growth);
    table_.Add("pool.idle_timeout", "Idle.", &values_.idle);
    table_.AddBytes("store.max_bytes", "Bytes.", &values_.bytes);
    table_.Add("name", "Name.", &values_.name);
    table_.Add("grpc.listen", "Addresses.", &values_.list);
    table_.AddGroup("queues", [this](OptionTable& table, const std::string& name) {
      table.Add("queues." + name + ".max_tasks", "Limit.", &queue_limits_[name]);
    });
  }

  Values values_;
  std::map<std::string, int64_t> queue_limits_;
  OptionTable table_;
};

TEST_F(OptionTableTest, SetsEveryKindOfValue) {
  EXPECT_TRUE(table_.Set("pool.min_threads", "7", OptionOrigin::kFlag).ok());
  EXPECT_TRUE(table_.Set("pool.allow_growth", "off", OptionOrigin::kFlag).ok());
  EXPECT_TRUE(table_.Set("pool.idle_timeout", "1m30s", OptionOrigin::kFlag).ok());
  EXPECT_TRUE(table_.Set("store.max_bytes", "2GiB", OptionOrigin::kFlag).ok());
  EXPECT_TRUE(table_.Set("grpc.listen", "a:1, unix:/b", OptionOrigin::kFlag).ok());
  EXPECT_EQ(values_.threads, 7);
  EXPECT_FALSE(values_.growth);
  EXPECT_EQ(values_.idle, absl::Seconds(90));
  EXPECT_EQ(values_.bytes, uint64_t{2} << 30);
  EXPECT_EQ(values_.list, (std::vector<std::string>{"a:1", "unix:/b"}));
}

TEST_F(OptionTableTest, SaysWhatWasExpected) {
  const absl::Status number = table_.Set("pool.min_threads", "many", OptionOrigin::kFlag);
  EXPECT_EQ(number.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(number.message(), HasSubstr("pool.min_threads: `many` must be a whole number"));
  EXPECT_THAT(table_.Set("pool.idle_timeout", "5 apples", OptionOrigin::kFlag).message(),
              HasSubstr("must be a duration"));
  EXPECT_THAT(table_.Set("store.max_bytes", "-1", OptionOrigin::kFlag).message(),
              HasSubstr("must be a size"));
  EXPECT_THAT(table_.Set("pool.allow_growth", "maybe", OptionOrigin::kFlag).message(),
              HasSubstr("true or false"));
}

TEST_F(OptionTableTest, RefusesNumbersThatDoNotFit) {
  EXPECT_FALSE(table_.Set("grpc.port", "70000", OptionOrigin::kFlag).ok());
  EXPECT_FALSE(table_.Set("grpc.port", "-1", OptionOrigin::kFlag).ok());
  EXPECT_FALSE(table_.Set("store.max_bytes", "99999999999999GiB", OptionOrigin::kFlag).ok());
  EXPECT_EQ(values_.port, 7480);
}

TEST_F(OptionTableTest, RefusesNegativeDurations) {
  EXPECT_FALSE(table_.Set("pool.idle_timeout", "-1s", OptionOrigin::kFlag).ok());
}

TEST_F(OptionTableTest, NamesTheNearestKeyForAnUnknownOne) {
  const absl::Status status = table_.Set("pool.min_thread", "1", OptionOrigin::kFile);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("did you mean `pool.min_threads`?"));
}

TEST_F(OptionTableTest, GuessesNothingForAKeyThatIsFarFromAll) {
  const absl::Status status = table_.Set("zzzzzzzzzzzz", "1", OptionOrigin::kFile);
  EXPECT_THAT(status.message(), ::testing::Not(HasSubstr("did you mean")));
}

TEST_F(OptionTableTest, ALowerOriginNeverOverridesAHigherOne) {
  ASSERT_TRUE(table_.Set("pool.min_threads", "7", OptionOrigin::kFlag).ok());
  ASSERT_TRUE(table_.Set("pool.min_threads", "3", OptionOrigin::kFile).ok());
  EXPECT_EQ(values_.threads, 7);
}

TEST_F(OptionTableTest, ReadsTheEnvironment) {
  const auto environment = [](const char* name) -> const char* {
    return std::strcmp(name, "TASKFORGE_POOL_MIN_THREADS") == 0 ? "9" : nullptr;
  };
  ASSERT_TRUE(table_.SetFromEnvironment(environment).ok());
  EXPECT_EQ(values_.threads, 9);
}

TEST_F(OptionTableTest, AnErrorInTheEnvironmentNamesTheVariable) {
  const auto environment = [](const char* name) -> const char* {
    return std::strcmp(name, "TASKFORGE_GRPC_PORT") == 0 ? "x" : nullptr;
  };
  EXPECT_THAT(table_.SetFromEnvironment(environment).message(), HasSubstr("TASKFORGE_GRPC_PORT"));
}

TEST_F(OptionTableTest, AddsNamedThingsWhenTheyAreFirstSet) {
  ASSERT_TRUE(table_.Set("queues.mail.max_tasks", "5", OptionOrigin::kFile).ok());
  ASSERT_TRUE(table_.Set("queues.mail.max_tasks", "6", OptionOrigin::kFlag).ok());
  EXPECT_EQ(queue_limits_.at("mail"), 6);
  EXPECT_FALSE(table_.Set("queues.mail.max_task", "5", OptionOrigin::kFile).ok());
}

TEST_F(OptionTableTest, PrintsWhatItReads) {
  for (const OptionTable::Option& option : table_.options()) {
    EXPECT_TRUE(option.set(option.print()).ok()) << option.key << " = " << option.print();
    EXPECT_EQ(option.print(), option.default_text) << option.key;
  }
}

TEST_F(OptionTableTest, NamesFlagAndEnvironmentAfterTheKey) {
  EXPECT_EQ(table_.options()[0].flag(), "--pool-min-threads");
  EXPECT_EQ(table_.options()[0].environment(), "TASKFORGE_POOL_MIN_THREADS");
}

}  // namespace
}  // namespace taskforge

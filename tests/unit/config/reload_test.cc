#include "config/reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/capturing_log.h"

namespace taskforge {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Values = std::vector<std::pair<std::string, std::string>>;

absl::Status Fill(LoadedConfig& config, const Values& values) {
  CpuBudget budget;
  budget.allowed_cpus = {0, 1};
  PosixFileSystem files;
  return config.Load(
      files, "", [](const char*) -> const char* { return nullptr; }, values, budget);
}

std::vector<std::string> KeysOf(const std::vector<OptionChange>& changes) {
  std::vector<std::string> keys;
  for (const OptionChange& change : changes) keys.push_back(change.key);
  return keys;
}

ReloadPlan PlanFrom(const Values& before, const Values& after) {
  LoadedConfig first;
  LoadedConfig next;
  EXPECT_TRUE(Fill(first, before).ok());
  EXPECT_TRUE(Fill(next, after).ok());
  return PlanReload(TextsOf(first.table()), next);
}

TEST(PlanReloadTest, NothingChangesNothing) {
  const ReloadPlan plan = PlanFrom({{"pool.min_threads", "3"}}, {{"pool.min_threads", "3"}});
  EXPECT_THAT(plan.at_once, IsEmpty());
  EXPECT_THAT(plan.at_restart, IsEmpty());
  EXPECT_FALSE(plan.log_level.has_value());
  EXPECT_FALSE(plan.pool.min_threads.has_value());
}

TEST(PlanReloadTest, WhatCanChangeChangesAtOnce) {
  const ReloadPlan plan = PlanFrom({}, {{"log.level", "debug"},
                                        {"pool.min_threads", "3"},
                                        {"pool.max_threads", "9"},
                                        {"pool.idle_timeout", "5s"},
                                        {"pool.allow_growth", "false"},
                                        {"pool.default_priority", "high"},
                                        {"pool.capacity", "100"},
                                        {"pool.reserved_capacity.critical", "10"},
                                        {"pool.reserved_capacity.high", "20"},
                                        {"pool.reserved_capacity.normal", "30"}});
  EXPECT_THAT(plan.at_restart, IsEmpty());
  EXPECT_THAT(plan.at_once, SizeIs(10));
  EXPECT_EQ(plan.log_level, LogLevel::kDebug);
  EXPECT_EQ(plan.pool.min_threads, 3);
  EXPECT_EQ(plan.pool.max_threads, 9);
  EXPECT_EQ(plan.pool.idle_timeout, absl::Seconds(5));
  EXPECT_EQ(plan.pool.allow_growth, false);
  EXPECT_EQ(plan.pool.default_priority, Priority::kHigh);
  EXPECT_EQ(plan.pool.capacity, 100u);
  EXPECT_EQ(plan.pool.reserved_capacity[Priority::kCritical], 10u);
  EXPECT_EQ(plan.pool.reserved_capacity[Priority::kHigh], 20u);
  EXPECT_EQ(plan.pool.reserved_capacity[Priority::kNormal], 30u);
}

TEST(PlanReloadTest, TheRestNeedsARestart) {
  const ReloadPlan plan = PlanFrom({{"queues.old.max_tasks", "5"}, {"pool.tick", "20ms"}},
                                   {{"queues.new.max_tasks", "6"}, {"grpc.listen", "unix:x"}});
  EXPECT_THAT(plan.at_once, IsEmpty());
  EXPECT_THAT(
      KeysOf(plan.at_restart),
      ElementsAre("grpc.listen", "pool.tick", "queues.new.default_durability",
                  "queues.new.default_max_attempts", "queues.new.default_priority",
                  "queues.new.default_queue_timeout", "queues.new.default_run_timeout",
                  "queues.new.max_bytes", "queues.new.max_tasks", "queues.old.default_durability",
                  "queues.old.default_max_attempts", "queues.old.default_priority",
                  "queues.old.default_queue_timeout", "queues.old.default_run_timeout",
                  "queues.old.max_bytes", "queues.old.max_tasks"));
  EXPECT_EQ(plan.at_restart[1].from, "20ms");
  EXPECT_EQ(plan.at_restart[1].to, "10ms");
  EXPECT_EQ(plan.at_restart.back().to, "");
}

// What the reloader does to a server that is not there.
class ConfigReloaderTest : public testing::Test {
 protected:
  ConfigReloaderTest() {
    LoadedConfig first;
    EXPECT_TRUE(Fill(first, {}).ok());
    ConfigReloader::Targets targets;
    targets.update_pool = [this](const PoolUpdate& update) {
      if (pool_answer_.ok()) updates_.push_back(update);
      return pool_answer_;
    };
    targets.set_log_level = [this](LogLevel level) { level_ = level; };
    targets.report = [this](bool successful) { reports_.push_back(successful); };
    reloader_ = std::make_unique<ConfigReloader>(
        first, [this](LoadedConfig& config) { return Fill(config, values_); }, std::move(targets),
        log_);
  }
  std::vector<std::string> Lines() const {
    std::vector<std::string> lines;
    for (const CapturingLog::Line& line : log_.lines()) lines.push_back(line.text);
    return lines;
  }

  CapturingLog log_;
  Values values_;
  absl::Status pool_answer_;
  std::vector<PoolUpdate> updates_;
  LogLevel level_ = LogLevel::kInfo;
  std::vector<bool> reports_;
  std::unique_ptr<ConfigReloader> reloader_;
};

TEST_F(ConfigReloaderTest, SaysWhatChangedAndWhatNeedsARestart) {
  values_ = {{"log.level", "error"}, {"pool.min_threads", "3"}, {"grpc.polling_threads", "2"}};
  reloader_->Reload();
  EXPECT_THAT(Lines(), ElementsAre(HasSubstr("option=log.level from=info to=error"),
                                   HasSubstr("option=pool.min_threads from=2 to=3"),
                                   HasSubstr("needs a restart option=grpc.polling_threads "
                                             "in_force=1 configured=2"),
                                   HasSubstr("changed=2 need_restart=1")));
  EXPECT_EQ(level_, LogLevel::kError);
  ASSERT_THAT(updates_, SizeIs(1));
  EXPECT_EQ(updates_[0].min_threads, 3);
  EXPECT_FALSE(updates_[0].max_threads.has_value()) << "what has not changed is left alone";
  EXPECT_THAT(reports_, ElementsAre(true));
}

// A second time only what still differs is told, and what has been done is not done again.
TEST_F(ConfigReloaderTest, RemembersWhatIsInForce) {
  values_ = {{"pool.min_threads", "3"}, {"grpc.polling_threads", "2"}};
  reloader_->Reload();
  reloader_->Reload();
  EXPECT_THAT(updates_, SizeIs(1));
  EXPECT_THAT(Lines().back(), HasSubstr("changed=0 need_restart=1"));
  values_.clear();
  reloader_->Reload();
  ASSERT_THAT(updates_, SizeIs(2));
  EXPECT_EQ(updates_[1].min_threads, 2) << "back to the default";
  EXPECT_THAT(Lines().back(), HasSubstr("changed=1 need_restart=0"));
}

TEST_F(ConfigReloaderTest, AnInvalidConfigurationChangesNothing) {
  values_ = {{"log.level", "debug"}, {"pool.min_threads", "-1"}};
  reloader_->Reload();
  EXPECT_THAT(updates_, IsEmpty());
  EXPECT_EQ(level_, LogLevel::kInfo);
  EXPECT_THAT(Lines(), ElementsAre(HasSubstr("pool.min_threads: must be 1")));
  EXPECT_EQ(log_.lines()[0].level, LogLevel::kError);
  EXPECT_THAT(reports_, ElementsAre(false));
}

TEST_F(ConfigReloaderTest, WhatThePoolRefusesChangesNothing) {
  pool_answer_ = absl::InvalidArgumentError("pool.capacity: must be 1 to 16384");
  values_ = {{"log.level", "debug"}, {"pool.capacity", "100000"}};
  reloader_->Reload();
  EXPECT_EQ(level_, LogLevel::kInfo);
  EXPECT_THAT(reports_, ElementsAre(false));
  EXPECT_THAT(Lines(), Contains(HasSubstr("pool.capacity")));
  pool_answer_ = absl::OkStatus();
  reloader_->Reload();
  EXPECT_THAT(updates_, SizeIs(1)) << "it was not taken for done";
  EXPECT_EQ(level_, LogLevel::kDebug);
}

}  // namespace
}  // namespace taskforge

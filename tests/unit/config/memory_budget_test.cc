#include "config/memory_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "support/capturing_log.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kMiB = int64_t{1} << 20;

class MemoryBudgetTest : public testing::Test {
 protected:
  // Loads flags where the cgroup allows `limit_mib`.
  absl::Status Load(std::optional<int64_t> limit_mib,
                    std::vector<std::pair<std::string, std::string>> flags = {}) {
    loaded_ = std::make_unique<LoadedConfig>();
    CpuBudget budget;
    budget.allowed_cpus = {0};
    if (limit_mib.has_value()) budget.memory_limit_bytes = *limit_mib * kMiB;
    PosixFileSystem files;
    return loaded_->Load(
        files, "", [](const char*) -> const char* { return nullptr; }, flags, budget);
  }
  int64_t QueueMib(size_t index = 0) const {
    return static_cast<int64_t>(loaded_->config().queues.queues[index].max_bytes) / kMiB;
  }
  int64_t ResultsMib() const {
    return static_cast<int64_t>(loaded_->config().store.max_bytes) / kMiB;
  }

  std::unique_ptr<LoadedConfig> loaded_;
};

TEST_F(MemoryBudgetTest, DefaultsStayWhereTheyFit) {
  for (const std::optional<int64_t> limit : {std::optional<int64_t>(), {1024}, {1 << 20}}) {
    ASSERT_TRUE(Load(limit).ok());
    EXPECT_EQ(QueueMib(), 256);
    EXPECT_EQ(ResultsMib(), 512);
  }
}

// In proportion: one third and two thirds of three quarters.
TEST_F(MemoryBudgetTest, DefaultsAreLoweredToFit) {
  ASSERT_TRUE(Load(512).ok());
  EXPECT_EQ(QueueMib(), 128);
  EXPECT_EQ(ResultsMib(), 256);
  EXPECT_THAT(loaded_->Print(true), HasSubstr("max_bytes: 128MiB  # memory limit"));
  CapturingLog log;
  LogScaled(loaded_->table(), log);
  ASSERT_EQ(log.lines().size(), 2u);
  EXPECT_THAT(log.lines()[0].text, HasSubstr("option=queues.default.max_bytes default=256MiB "
                                             "now=128MiB"));
}

TEST_F(MemoryBudgetTest, EachQueueTakesItsShare) {
  ASSERT_TRUE(Load(1024, {{"queues.mail.max_tasks", "5"}}).ok());
  EXPECT_EQ(QueueMib(0), 192);
  EXPECT_EQ(QueueMib(1), 192);
  EXPECT_EQ(ResultsMib(), 384);
}

TEST_F(MemoryBudgetTest, WhatWasSetStaysAndTheOthersShareTheRest) {
  ASSERT_TRUE(Load(512, {{"results.max_bytes", "300MiB"}}).ok());
  EXPECT_EQ(ResultsMib(), 300);
  EXPECT_EQ(QueueMib(), 84);
}

TEST_F(MemoryBudgetTest, WhatWasSetAndCannotFitIsRefusedByName) {
  const absl::Status refused =
      Load(512, {{"results.max_bytes", "300MiB"}, {"queues.default.max_bytes", "85MiB"}});
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("queues.default.max_bytes (85MiB), results.max_bytes (300MiB) cannot fit: "
                        "the cgroup allows 512MiB of memory, of which 384MiB"));
  EXPECT_TRUE(
      Load(512, {{"results.max_bytes", "300MiB"}, {"queues.default.max_bytes", "84MiB"}}).ok());
}

TEST_F(MemoryBudgetTest, WhatWasSetMustLeaveSomethingForTheOthers) {
  const absl::Status refused = Load(512, {{"results.max_bytes", "381MiB"}});
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("queues.default.max_bytes need 4MiB; lower them or raise the limit"));
  EXPECT_EQ(QueueMib(), 256) << "a refused configuration is left as it was";
  ASSERT_TRUE(Load(512, {{"results.max_bytes", "380MiB"}}).ok());
  EXPECT_EQ(QueueMib(), 4);
}

TEST_F(MemoryBudgetTest, ALimitThatIsTooSmallForAnythingIsRefused) {
  const absl::Status refused = Load(8);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("raise the limit"));
  EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("lower them")));
}

// All errors at once, as everywhere.
TEST_F(MemoryBudgetTest, IsToldWithTheOtherErrors) {
  const absl::Status refused =
      Load(512, {{"results.max_bytes", "9GiB"}, {"pool.min_threads", "0"}});
  EXPECT_THAT(std::string(refused.message()), HasSubstr("results.max_bytes"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("pool.min_threads"));
}

// In proportion: 384 MiB for 256 + 512 + 64.
TEST_F(MemoryBudgetTest, RetainedEventsTakePartWhereThereAreAny) {
  ASSERT_TRUE(Load(512).ok());
  EXPECT_EQ(loaded_->config().bus.replay.max_bytes, 64U << 20);
  ASSERT_TRUE(Load(512, {{"bus.replay.filters", "orders.>"}}).ok());
  EXPECT_EQ(QueueMib(), 118);
  EXPECT_EQ(ResultsMib(), 236);
  EXPECT_EQ(loaded_->config().bus.replay.max_bytes, 29U << 20);
  ASSERT_TRUE(
      Load(512, {{"bus.replay.filters", "orders.>"}, {"bus.replay.max_bytes", "84MiB"}}).ok());
  EXPECT_EQ(QueueMib(), 100);
  EXPECT_EQ(ResultsMib(), 200);
}

}  // namespace
}  // namespace taskforge

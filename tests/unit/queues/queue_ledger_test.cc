#include "queues/queue_ledger.h"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "base/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/fake_clock.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;

QueueOptions Limits(size_t tasks, size_t bytes) {
  QueueOptions options;
  options.name = "mail";
  options.max_tasks = tasks;
  options.max_bytes = bytes;
  return options;
}

TEST(QueueLedgerTest, RefusesWhenFullOfTasks) {
  FakeClock clock;
  EpochDomain epochs;
  QueueLedger ledger(Limits(2, 1000), 0, 0, epochs);
  EXPECT_TRUE(ledger.Take(10, clock)->ok());
  EXPECT_TRUE(ledger.Take(10, clock)->ok());
  const absl::Status full = *ledger.Take(10, clock);
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(full.message(),
              HasSubstr("queue \"mail\" is full: 2 of 2 tasks (queues.mail.max_tasks)"));
  const ErrorDetails details = DetailsOf(full);
  EXPECT_EQ(details.reason, "QUEUE_FULL");
  ASSERT_EQ(details.quota_violations.size(), 1u);
  EXPECT_EQ(details.quota_violations[0].subject, "queues/mail");
  EXPECT_TRUE(details.retry_after.has_value());
  EXPECT_EQ(ledger.tasks(), 2u);
  EXPECT_EQ(ledger.bytes(), 20u);
}

TEST(QueueLedgerTest, RefusesWhenFullOfBytes) {
  FakeClock clock;
  EpochDomain epochs;
  QueueLedger ledger(Limits(100, 1000), 0, 0, epochs);
  EXPECT_TRUE(ledger.Take(900, clock)->ok());
  const absl::Status full = *ledger.Take(101, clock);
  EXPECT_EQ(DetailsOf(full).reason, "BYTES_FULL");
  EXPECT_THAT(full.message(), HasSubstr("900 of 1000 bytes"));
  EXPECT_EQ(ledger.tasks(), 1u);
  EXPECT_TRUE(ledger.Take(100, clock)->ok());
}

TEST(QueueLedgerTest, APlaceThatComesBackCanBeTaken) {
  FakeClock clock;
  EpochDomain epochs;
  QueueLedger ledger(Limits(1, 1000), 0, 0, epochs);
  EXPECT_TRUE(ledger.Take(10, clock)->ok());
  EXPECT_FALSE(ledger.Take(10, clock)->ok());
  ledger.GiveBack(10);
  EXPECT_EQ(ledger.tasks(), 0u);
  EXPECT_EQ(ledger.bytes(), 0u);
  EXPECT_TRUE(ledger.Take(10, clock)->ok());
}

TEST(QueueLedgerTest, RetryAfterFollowsTheDrain) {
  FakeClock clock;
  EpochDomain epochs;
  QueueLedger ledger(Limits(1000, 1 << 20), 0, 0, epochs);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(ledger.Take(1, clock)->ok());
  ASSERT_FALSE(ledger.Take(1, clock)->ok());
  // 50 places a second come back and are taken again: 1 % of the limit takes 200 ms.
  clock.Advance(absl::Seconds(1));
  for (int i = 0; i < 50; ++i) {
    ledger.GiveBack(1);
    ASSERT_TRUE(ledger.Take(1, clock)->ok());
  }
  EXPECT_EQ(DetailsOf(*ledger.Take(1, clock)).retry_after, absl::Milliseconds(200));
}

TEST(QueueLedgerTest, LimitsCanBeChanged) {
  FakeClock clock;
  EpochDomain epochs;
  QueueLedger ledger(Limits(2, 1000), 0, 0, epochs);
  EXPECT_TRUE(ledger.Take(10, clock)->ok());
  EXPECT_TRUE(ledger.Take(10, clock)->ok());
  EXPECT_EQ(ledger.default_priority(), std::nullopt);
  ledger.Change([](QueueOptions& options) {
    options.max_tasks = 1;
    options.default_priority = Priority::kCritical;
  });
  EXPECT_EQ(ledger.options().max_tasks, 1u);
  EXPECT_EQ(ledger.default_priority(), Priority::kCritical);
  ledger.GiveBack(10);
  EXPECT_THAT(ledger.Take(10, clock)->message(), HasSubstr("1 of 1 tasks"));
  ledger.Change([](QueueOptions& options) { options.max_tasks = 3; });
  EXPECT_TRUE(ledger.Take(10, clock)->ok());
  ledger.Change([](QueueOptions& options) { options.max_bytes = 15; });
  EXPECT_THAT(ledger.Take(10, clock)->message(), HasSubstr("of 15 bytes"));
}

TEST(QueueLedgerTest, IsClosedOnlyWhenEmptyAndThenGivesNoPlace) {
  FakeClock clock;
  EpochDomain epochs;
  QueueLedger ledger(Limits(2, 1000), 0, 0, epochs);
  ASSERT_TRUE(ledger.Take(10, clock)->ok());
  EXPECT_FALSE(ledger.Close());
  ledger.GiveBack(10);
  EXPECT_TRUE(ledger.Close());
  EXPECT_FALSE(ledger.Take(10, clock).has_value());
  EXPECT_EQ(ledger.tasks(), 0u);
}

// Either a place is taken, and the ledger stays; or it is closed, and nobody gets one.
TEST(QueueLedgerTest, ACloseAndATakeCannotBothSucceed) {
  SystemClock clock;
  for (int i = 0; i < 300; ++i) {
    EpochDomain epochs;
    QueueLedger ledger(Limits(5, 1000), 0, 0, epochs);
    std::atomic<int> arrived{0};
    bool is_taken = false;
    const auto meet = [&arrived] {
      arrived.fetch_add(1);
      while (arrived.load() < 2) std::this_thread::yield();
    };
    std::thread taker([&] {
      meet();
      const std::optional<absl::Status> taken = ledger.Take(1, clock);
      is_taken = taken.has_value() && taken->ok();
    });
    meet();
    const bool is_closed = ledger.Close();
    taker.join();
    ASSERT_NE(is_closed, is_taken) << i;
  }
}

TEST(QueueLedgerTest, NeverExceedsItsLimitsUnderRaces) {
  SystemClock clock;
  for (int threads : {1, 2, 8}) {
    EpochDomain epochs;
    QueueLedger ledger(Limits(5, 1000), 0, 0, epochs);
    std::atomic<int> held{0};
    std::atomic<int> most{0};
    std::vector<std::thread> takers;
    for (int t = 0; t < threads; ++t) {
      takers.emplace_back([&] {
        for (int i = 0; i < 2000; ++i) {
          if (!ledger.Take(10, clock)->ok()) continue;
          const int now = held.fetch_add(1) + 1;
          int seen = most.load();
          while (now > seen && !most.compare_exchange_weak(seen, now)) {
          }
          held.fetch_sub(1);
          ledger.GiveBack(10);
        }
      });
    }
    for (std::thread& taker : takers) taker.join();
    EXPECT_LE(most.load(), 5);
    EXPECT_EQ(ledger.tasks(), 0u);
    EXPECT_EQ(ledger.bytes(), 0u);
  }
}

}  // namespace
}  // namespace taskforge

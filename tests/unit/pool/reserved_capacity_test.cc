// Places of the pool that are kept for urgent work: who is refused, what it is told, who waits.
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "pool/thread_pool.h"
#include "unit/pool/pool_fixture.h"

namespace taskforge {
namespace {

const SystemClock kClock;

TEST(ReservedCapacityTest, ARefusalNamesTheReserveThatKeepsItOut) {
  PoolOptions options = OptionsWith(1, 1);
  options.capacity = 4;
  options.reserved_capacity = {1, 2, 0};
  std::deque<CallWork> works;
  ThreadPool pool(options, kClock);  // Not started: what is submitted waits.
  const auto submit = [&](Priority priority) {
    return pool.TrySubmit(works.emplace_back([](const Dispatch&) {}, priority));
  };
  EXPECT_TRUE(submit(Priority::kLow).ok());
  const absl::Status low = submit(Priority::kLow);
  EXPECT_EQ(DetailsOf(low).reason, "POOL_FULL");
  EXPECT_EQ(
      low.message(),
      "the pool is full: 4 places (pool.capacity), of which low work may use 1: kept for more "
      "urgent work are 1 (pool.reserved_capacity.critical) and 2 "
      "(pool.reserved_capacity.high); come again later, or submit it as more urgent");
  EXPECT_TRUE(submit(Priority::kHigh).ok());
  EXPECT_TRUE(submit(Priority::kHigh).ok());
  EXPECT_EQ(
      submit(Priority::kHigh).message(),
      "the pool is full: 4 places (pool.capacity), of which high work may use 3: kept for more "
      "urgent work are 1 (pool.reserved_capacity.critical); come again later, or submit it as "
      "more urgent");
  EXPECT_TRUE(submit(Priority::kCritical).ok());
  EXPECT_EQ(submit(Priority::kCritical).message(), "the pool is full: 4 places (pool.capacity)");
}

TEST(ReservedCapacityTest, ReservesChangeWhileItRuns) {
  PoolOptions options = OptionsWith(1, 1);
  options.capacity = 2;
  options.reserved_capacity = {1, 0, 0};
  std::deque<CallWork> works;
  ThreadPool pool(options, kClock);  // Not started, either.
  const auto submit = [&](Priority priority) {
    return pool.TrySubmit(works.emplace_back([](const Dispatch&) {}, priority));
  };
  ASSERT_TRUE(submit(Priority::kNormal).ok());
  ASSERT_FALSE(submit(Priority::kNormal).ok());
  PoolUpdate update;
  update.reserved_capacity[Priority::kHigh] = 1;
  EXPECT_EQ(DetailsOf(pool.UpdateOptions(update)).field_violations.at(0).field,
            "pool.reserved_capacity.high")
      << "with the one for critical nothing is left";
  update.reserved_capacity[Priority::kCritical] = 0;
  ASSERT_TRUE(pool.UpdateOptions(update).ok());
  EXPECT_EQ(pool.settings().reserved_capacity, (ReservedCapacity{0, 1, 0}));
  EXPECT_FALSE(submit(Priority::kNormal).ok());
  EXPECT_TRUE(submit(Priority::kHigh).ok());
}

// Of those who wait for a place, the one that is woken may not be one that may have it.
TEST(ReservedCapacityTest, AKeptPlaceThatBecomesFreeIsTakenByWhoMay) {
  PoolOptions options = OptionsWith(1, 1);
  options.capacity = 2;
  options.reserved_capacity = {1, 0, 0};
  ThreadPool pool(options, kClock);
  ASSERT_TRUE(pool.Start().ok());
  Holder first;
  ASSERT_TRUE(pool.TrySubmit(first.work).ok());
  first.started.Wait();
  Holder second;
  CallWork low([](const Dispatch&) {}, Priority::kLow);
  ASSERT_TRUE(pool.TrySubmit(low).ok());
  ASSERT_TRUE(pool.TrySubmit(second.work).ok());
  std::deque<CallWork> works;
  std::deque<absl::Status> statuses;
  std::vector<std::thread> waiters;
  for (const Priority priority : {Priority::kLow, Priority::kCritical}) {
    CallWork& work = works.emplace_back([](const Dispatch&) {}, priority);
    absl::Status& status = statuses.emplace_back(absl::UnknownError("waits"));
    waiters.emplace_back([&] { status = pool.SubmitWait(work, In(kPatience)); });
    // Refused once before it waits, and once more as it begins to.
    ASSERT_TRUE(Eventually([&] { return pool.GetStats().priorities[priority].refused >= 2; }));
  }
  first.release.Notify();
  second.started.Wait();  // Of its kind one waits no more, and the thread is held again.
  EXPECT_TRUE(Eventually([&] { return pool.QueuedApprox(Priority::kCritical) == 1; }));
  second.release.Notify();
  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_TRUE(statuses[0].ok() && statuses[1].ok());
  EXPECT_TRUE(pool.Drain(In(kPatience), {}).complete);
}

}  // namespace
}  // namespace taskforge

// The places of a pool: who is refused, who waits for one, and what needs none.
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <thread>

#include "base/error.h"
#include "pool/thread_pool.h"
#include "unit/pool/pool_fixture.h"

namespace taskforge {
namespace {

const SystemClock kClock;

// A pool of one thread, which is held, so that whatever is submitted stays in its places.
struct HeldPool {
  explicit HeldPool(size_t capacity) : pool(Options(capacity), kClock) {
    EXPECT_TRUE(pool.Start().ok());
    EXPECT_TRUE(pool.TrySubmit(holder.work).ok());
    holder.started.Wait();
  }
  static PoolOptions Options(size_t capacity) {
    PoolOptions options = OptionsWith(1, 1);
    options.capacity = capacity;
    return options;
  }
  // Lets the thread go; whether all is done then.
  bool Finish() {
    holder.release.Notify();
    return pool.Drain(In(kPatience), {}).complete;
  }

  Holder holder;  // First: the pool's thread is in it.
  ThreadPool pool;
};

TEST(ThreadPoolCapacityTest, RefusesWhenFull) {
  HeldPool held(2);
  ThreadPool& pool = held.pool;
  std::deque<CallWork> works;
  for (int i = 0; i < 3; ++i) works.emplace_back([](const Dispatch&) {}, kPriorities[i]);
  EXPECT_TRUE(pool.TrySubmit(works[0]).ok());
  EXPECT_TRUE(pool.TrySubmit(works[1]).ok());
  const absl::Status full = pool.TrySubmit(works[2]);
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
  EXPECT_EQ(DetailsOf(full).reason, "POOL_FULL");
  EXPECT_EQ(pool.GetStats().priorities[Priority::kHigh].refused, 1u);

  EXPECT_TRUE(absl::IsDeadlineExceeded(pool.SubmitWait(works[2], In(absl::Milliseconds(5)))));
  PoolUpdate more;
  more.capacity = 3;
  ASSERT_TRUE(pool.UpdateOptions(more).ok());
  EXPECT_TRUE(pool.TrySubmit(works[2]).ok());
  EXPECT_TRUE(held.Finish());
}

// The rings are as large as the start made them, whatever stood for their size there.
TEST(ThreadPoolCapacityTest, RaisesTheCapacityNoFurtherThanThereIsRoom) {
  ThreadPool pool(OptionsWith(1, 1), kClock);
  PoolUpdate update;
  update.capacity = 16384;
  EXPECT_TRUE(pool.UpdateOptions(update).ok());
  update.capacity = 16385;
  EXPECT_TRUE(absl::IsInvalidArgument(pool.UpdateOptions(update)));
  EXPECT_EQ(pool.settings().capacity, 16384u);
}

TEST(ThreadPoolCapacityTest, WaitsForAPlace) {
  PoolOptions options = OptionsWith(1, 1);
  options.capacity = 1;
  ThreadPool pool(options, kClock);
  ASSERT_TRUE(pool.Start().ok());
  std::deque<CallWork> works;
  Countdown done(500);
  for (int i = 0; i < 500; ++i) {
    works.emplace_back([&](const Dispatch&) { done.Done(); });
    ASSERT_TRUE(pool.SubmitWait(works.back(), In(kPatience)).ok());
  }
  EXPECT_TRUE(done.WaitFor(kPatience));
}

TEST(ThreadPoolCapacityTest, MoreCapacityLetsAWaiterIn) {
  HeldPool held(1);
  ThreadPool& pool = held.pool;
  CallWork first([](const Dispatch&) {});
  CallWork second([](const Dispatch&) {});
  ASSERT_TRUE(pool.TrySubmit(first).ok());
  absl::Status status;
  std::thread waiter([&] { status = pool.SubmitWait(second, In(absl::Hours(1))); });
  // Refused once before it waits, and once more as it begins to.
  ASSERT_TRUE(
      Eventually([&] { return pool.GetStats().priorities[Priority::kNormal].refused >= 2; }));
  PoolUpdate more;
  more.capacity = 2;
  ASSERT_TRUE(pool.UpdateOptions(more).ok());
  waiter.join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(held.Finish());
}

TEST(ThreadPoolCapacityTest, AWorkerMustNotWaitForAPlace) {
  ThreadPool pool(OptionsWith(1, 1), kClock);
  ASSERT_TRUE(pool.Start().ok());
  CallWork other([](const Dispatch&) {});
  absl::Status status;
  Countdown done(1);
  CallWork work([&](const Dispatch&) {
    status = pool.SubmitWait(other, In(kPatience));
    done.Done();
  });
  ASSERT_TRUE(pool.TrySubmit(work).ok());
  ASSERT_TRUE(done.WaitFor(kPatience));
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
}

TEST(ThreadPoolCapacityTest, ReservedNodesHavePlacesWhenItIsFull) {
  HeldPool held(1);
  ThreadPool& pool = held.pool;
  std::string order;
  CallWork ordinary([&](const Dispatch&) { order += 'o'; });
  CallWork reserved([&](const Dispatch&) { order += 'r'; });
  CallWork urgent([&](const Dispatch&) { order += 'u'; }, Priority::kCritical);
  ASSERT_TRUE(pool.TrySubmit(ordinary).ok());
  pool.SubmitReserved(reserved);
  pool.SubmitReserved(urgent);
  EXPECT_TRUE(held.Finish());
  EXPECT_EQ(order, "uor") << "by priority, then first in, first out";
}

}  // namespace
}  // namespace taskforge

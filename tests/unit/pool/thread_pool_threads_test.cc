// The threads of a pool: how they start, and where they run.
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <deque>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "pool/affinity.h"
#include "pool/controller.h"
#include "pool/core.h"
#include "pool/thread_pool.h"
#include "unit/pool/pool_fixture.h"

namespace taskforge {
namespace {

const SystemClock kClock;

TEST(ThreadPoolThreadsTest, FailedThreadStartsAreRetriedAndCounted) {
  std::atomic<int> failures_left{0};
  PoolHooks hooks;
  hooks.start_thread = [&](std::function<void()> body) {
    if (failures_left.load() > 0) {
      failures_left.fetch_sub(1);
      throw std::system_error(EAGAIN, std::generic_category());
    }
    return std::thread(std::move(body));
  };
  ThreadPool pool(OptionsWith(1, 8), kClock, std::move(hooks));
  ASSERT_TRUE(pool.Start().ok());
  failures_left = 3;
  PoolUpdate update;
  update.min_threads = 4;
  ASSERT_TRUE(pool.UpdateOptions(update).ok());
  EXPECT_TRUE(Eventually([&] { return pool.GetStats().threads == 4; }));
  EXPECT_EQ(pool.GetStats().thread_creation_failures, 3u);
}

TEST(ThreadPoolThreadsTest, SaysWhenItCannotStart) {
  PoolHooks hooks;
  hooks.start_thread = [](std::function<void()>) -> std::thread {
    throw std::system_error(EAGAIN, std::generic_category());
  };
  ThreadPool pool(OptionsWith(2, 2), kClock, std::move(hooks));
  EXPECT_EQ(DetailsOf(pool.Start()).reason, "NO_THREADS");
}

TEST(ThreadPoolThreadsTest, InvalidUpdatesChangeNothing) {
  ThreadPool pool(OptionsWith(2, 4), kClock);
  PoolUpdate update;
  update.min_threads = 5;
  update.capacity = 0;
  const absl::Status status = pool.UpdateOptions(update);
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(DetailsOf(status).field_violations.size(), 2u);
  EXPECT_EQ(pool.settings().min_threads, 2);
}

// Each of two changes another setting: neither undoes what the other has set.
TEST(ThreadPoolThreadsTest, UpdatesAtOnceAllTakeEffect) {
  ThreadPool pool(OptionsWith(1, 8), kClock);
  constexpr int kRounds = 20'000;
  std::thread other([&] {
    PoolUpdate update;
    for (int i = 0; i < kRounds; ++i) {
      update.capacity = 1000 + i % 7;
      ASSERT_TRUE(pool.UpdateOptions(update).ok());
      ASSERT_EQ(pool.settings().capacity, *update.capacity) << "round " << i;
    }
  });
  PoolUpdate update;
  for (int i = 0; i < kRounds && !testing::Test::HasFailure(); ++i) {
    update.min_threads = 1 + i % 7;
    EXPECT_TRUE(pool.UpdateOptions(update).ok());
    EXPECT_EQ(pool.settings().min_threads, *update.min_threads) << "round " << i;
  }
  other.join();
}

// Of two who move the same seat at once either wins, now and for its later threads.
TEST(ThreadPoolThreadsTest, WhereASeatIsKeptIsWhereItsThreadRuns) {
  const std::vector<int> cpus = ThreadCpus(getpid()).value();
  if (cpus.size() < 2) GTEST_SKIP() << "one processor";
  const PoolOptions options = OptionsWith(1, 1);
  PoolCore core(options, kClock);
  Controller controller(options, core, {});
  ASSERT_TRUE(controller.Start().ok());
  ASSERT_TRUE(Eventually([&] { return core.seat(0).tid.load() != 0; }));
  for (int round = 0; round < 2000; ++round) {
    std::atomic<int> ready{0};
    const auto move = [&](int cpu) {
      ready.fetch_add(1);
      while (ready.load() < 2) sched_yield();
      EXPECT_TRUE(controller.SetAffinity(0, {cpu}).ok());
    };
    std::thread other(move, cpus[0]);
    move(cpus[1]);
    other.join();
    ASSERT_EQ(controller.affinity().Of(0), ThreadCpus(core.seat(0).tid.load()))
        << "round " << round;
  }
}

TEST(ThreadPoolThreadsTest, ThreadsRunWhereTheyWereTold) {
  const int cpu = [] {
    cpu_set_t set;
    sched_getaffinity(0, sizeof(set), &set);
    int first = 0;
    while (!CPU_ISSET(first, &set)) ++first;
    return first;
  }();
  PoolOptions options = OptionsWith(2, 2);
  options.affinity.mode = AffinityMode::kExplicit;
  options.affinity.masks = {{cpu}};
  ThreadPool pool(options, kClock);
  ASSERT_TRUE(pool.Start().ok());
  std::atomic<int> allowed{0};
  Countdown done(1);
  CallWork work([&](const Dispatch&) {
    cpu_set_t set;
    sched_getaffinity(0, sizeof(set), &set);
    allowed = CPU_COUNT(&set) * 10000 + (CPU_ISSET(cpu, &set) ? cpu : 9999);
    done.Done();
  });
  ASSERT_TRUE(pool.TrySubmit(work).ok());
  ASSERT_TRUE(done.WaitFor(kPatience));
  EXPECT_EQ(allowed.load(), 10000 + cpu);
  const bool all = ThreadCpus(getpid()) == std::vector<int>{cpu};
  const std::vector<int> shown = all ? std::vector<int>{} : std::vector<int>{cpu};
  // The work may have run on seat 1 while the thread of seat 0 was just starting.
  EXPECT_TRUE(Eventually([&] {
    const PoolThreadStats thread = pool.GetStats().thread_list[0];
    return thread.tid != 0 && thread.cpus == shown;
  }));
  EXPECT_TRUE(absl::IsInvalidArgument(pool.SetThreadAffinity(0, {-1})));
  for (const int no_seat : {-1, pool.settings().max_threads}) {
    const absl::Status status = pool.SetThreadAffinity(no_seat, {});
    ASSERT_EQ(DetailsOf(status).field_violations.size(), 1u) << no_seat;
    EXPECT_EQ(DetailsOf(status).field_violations[0].field, "seat");
  }
  EXPECT_EQ(pool.GetStats().thread_list[0].cpus, shown) << "what failed has changed nothing";
  EXPECT_TRUE(pool.SetThreadAffinity(0, {}).ok());
  EXPECT_TRUE(pool.GetStats().thread_list[0].cpus.empty());
  EXPECT_EQ(pool.GetStats().affinity_failures, 0u);
}

// The plan names a processor that is not there: the threads run all the same, anywhere, and that is
// what the statistics say.
TEST(ThreadPoolThreadsTest, TellsOfThreadsThatCannotRunWhereTheyWereTold) {
  PoolOptions options = OptionsWith(2, 2);
  options.affinity.mode = AffinityMode::kExplicit;
  options.affinity.masks = {{CPU_SETSIZE - 1}};
  std::atomic<int> told{0};
  PoolHooks hooks;
  hooks.on_affinity_failure = [&](uint32_t, const absl::Status& why) {
    if (absl::IsInvalidArgument(why)) told.fetch_add(1);
  };
  ThreadPool pool(options, kClock, std::move(hooks));
  ASSERT_TRUE(pool.Start().ok());
  ASSERT_TRUE(Eventually([&] { return pool.GetStats().affinity_failures == 2; }));
  EXPECT_TRUE(Eventually([&] { return told.load() == 1; }));
  Countdown done(1);
  CallWork work([&](const Dispatch&) { done.Done(); });
  ASSERT_TRUE(pool.TrySubmit(work).ok());
  ASSERT_TRUE(done.WaitFor(kPatience));
  for (const PoolThreadStats& thread : pool.GetStats().thread_list) {
    EXPECT_TRUE(thread.cpus.empty()) << "in force is: everywhere";
  }
  EXPECT_EQ(told.load(), 1);
}

}  // namespace
}  // namespace taskforge

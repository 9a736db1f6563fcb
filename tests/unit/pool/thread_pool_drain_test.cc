// How a pool ends.
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "pool/thread_pool.h"
#include "unit/pool/pool_fixture.h"

namespace taskforge {
namespace {

const SystemClock kClock;

TEST(ThreadPoolDrainTest, DrainRefusesOutsidersAndFinishesWhatRunningWorkSubmits) {
  ThreadPool pool(OptionsWith(2, 2), kClock);
  ASSERT_TRUE(pool.Start().ok());
  std::atomic<int> ran{0};
  CallWork follow_up([&](const Dispatch&) { ran.fetch_add(1); });
  absl::Status inside;
  Notification started;
  CallWork work([&](const Dispatch&) {
    started.Notify();
    Eventually([&] { return pool.GetStats().draining; });
    inside = pool.TrySubmit(follow_up);
  });
  ASSERT_TRUE(pool.TrySubmit(work).ok());
  started.Wait();
  const DrainReport report = pool.Drain(In(kPatience), {});
  EXPECT_TRUE(report.complete);
  EXPECT_TRUE(inside.ok()) << inside;
  EXPECT_EQ(ran.load(), 1);
  CallWork late([](const Dispatch&) {});
  EXPECT_EQ(DetailsOf(pool.TrySubmit(late)).reason, "POOL_DRAINING");
  EXPECT_TRUE(absl::IsUnavailable(pool.TrySubmit(late)));
}

TEST(ThreadPoolDrainTest, DrainHandsBackWhatWaitsAtTheDeadline) {
  ThreadPool pool(OptionsWith(1, 1), kClock);
  ASSERT_TRUE(pool.Start().ok());
  Holder holder;
  ASSERT_TRUE(pool.TrySubmit(holder.work).ok());
  holder.started.Wait();
  std::deque<CallWork> works;
  for (int i = 0; i < 10; ++i) {
    works.emplace_back([](const Dispatch&) { FAIL() << "handed back"; }, kPriorities[i % 4]);
    ASSERT_TRUE(pool.TrySubmit(works.back()).ok());
  }
  size_t handed_back = 0;
  const DrainReport report = pool.Drain(In(absl::Milliseconds(5)), [&](Work&) { ++handed_back; });
  EXPECT_FALSE(report.complete);
  EXPECT_EQ(report.returned, 10u);
  EXPECT_EQ(handed_back, 10u);
  EXPECT_EQ(report.still_running, 1u);
  holder.release.Notify();
  pool.Stop();
  EXPECT_EQ(pool.GetStats().threads, 0);
}

TEST(ThreadPoolDrainTest, StopFinishesWhatRunsAndHandsBackTheRest) {
  ThreadPool pool(OptionsWith(1, 1), kClock);
  ASSERT_TRUE(pool.Start().ok());
  Holder holder;
  ASSERT_TRUE(pool.TrySubmit(holder.work).ok());
  holder.started.Wait();
  CallWork waiting([](const Dispatch&) {});
  ASSERT_TRUE(pool.TrySubmit(waiting).ok());
  std::thread stopper([&] {
    size_t handed_back = 0;
    pool.Stop([&](Work&) { ++handed_back; });
    EXPECT_EQ(handed_back, 1u);
  });
  ASSERT_TRUE(Eventually([&] { return pool.GetStats().draining; }));
  holder.release.Notify();
  stopper.join();
  EXPECT_EQ(pool.GetStats().completed, 1u);
}

// A subscriber's delivery that is handed back, and run by whoever gets it, may have another follow.
TEST(ThreadPoolDrainTest, StopHandsBackWhatFollowsFromWhatItHandsBack) {
  ThreadPool pool(OptionsWith(1, 1), kClock);
  CallWork urgent([](const Dispatch&) {}, Priority::kCritical);
  CallWork low([](const Dispatch&) {}, Priority::kLow);
  pool.SubmitReserved(urgent);
  std::vector<Work*> handed_back;
  pool.Stop([&](Work& work) {
    handed_back.push_back(&work);
    if (&work == &urgent) pool.SubmitReserved(low);
  });
  EXPECT_EQ(handed_back, (std::vector<Work*>{&urgent, &low}));
}

}  // namespace
}  // namespace taskforge

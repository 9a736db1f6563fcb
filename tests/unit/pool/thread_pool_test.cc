#include "pool/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/wake_batch.h"
#include "unit/pool/pool_fixture.h"

namespace taskforge {
namespace {

const SystemClock kClock;

class ThreadPoolAtTest : public testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolAtTest, testing::Values(1, 2, 8));

TEST_P(ThreadPoolAtTest, RunsEverythingThatWasSubmitted) {
  ThreadPool pool(OptionsWith(GetParam(), GetParam()), kClock);
  ASSERT_TRUE(pool.Start().ok());
  Countdown done(1000);
  std::deque<CallWork> works;
  for (int i = 0; i < 1000; ++i) {
    works.emplace_back([&](const Dispatch&) { done.Done(); }, kPriorities[i % 4]);
    ASSERT_TRUE(pool.TrySubmit(works.back()).ok());
  }
  EXPECT_TRUE(done.WaitFor(kPatience)) << done.left() << " did not run";
}

// Each work is submitted when the one before has run: any lost wake-up stops the chain.
TEST_P(ThreadPoolAtTest, LosesNoWakeUp) {
  ThreadPool pool(OptionsWith(GetParam(), GetParam()), kClock);
  ASSERT_TRUE(pool.Start().ok());
  std::atomic<uint32_t> ran{0};
  CallWork work([&](const Dispatch&) {
    ran.fetch_add(1);
    FutexWake(ran, 1);
  });
  for (uint32_t i = 0; i < 2'000; ++i) {
    work.priority = kPriorities[i % 4];
    ASSERT_TRUE(pool.TrySubmit(work).ok());
    const MonoTime deadline = In(kPatience);
    while (ran.load() == i) ASSERT_TRUE(FutexWait(ran, i, deadline)) << "lost after " << i;
  }
  pool.Stop();  // The last work may still be on its way out of its function.
}

// No herd: one piece of work wakes one of those that sleep.
TEST_P(ThreadPoolAtTest, WakesNoMoreThreadsThanThereIsWork) {
  constexpr int kRounds = 100;
  ThreadPool pool(OptionsWith(GetParam(), GetParam()), kClock);
  ASSERT_TRUE(pool.Start().ok());
  const auto all_idle = [&] { return pool.GetStats().idle == GetParam(); };
  ASSERT_TRUE(Eventually([&] { return pool.GetStats().parks >= uint64_t(GetParam()); }));
  const uint64_t before = pool.GetStats().wakeups;
  for (int round = 0; round < kRounds; ++round) {
    Countdown done(1);
    CallWork work([&](const Dispatch&) { done.Done(); }, kPriorities[round % 4]);
    ASSERT_TRUE(pool.TrySubmit(work).ok());
    ASSERT_TRUE(done.WaitFor(kPatience));
    ASSERT_TRUE(Eventually(all_idle));
  }
  // A thread that was about to sleep may see work that another takes, and wake a third.
  EXPECT_LE(pool.GetStats().wakeups - before, kRounds + kRounds / 4);
}

// What wakes nobody at once is seen to at the end.
TEST_P(ThreadPoolAtTest, ABatchWakesAtItsEnd) {
  ThreadPool pool(OptionsWith(GetParam(), GetParam()), kClock);
  ASSERT_TRUE(pool.Start().ok());
  for (int round = 0; round < 200; ++round) {
    Countdown done(2);
    CallWork first([&](const Dispatch&) { done.Done(); });
    CallWork second([&](const Dispatch&) { done.Done(); }, Priority::kLow);
    {
      const WakeBatch batch;
      ASSERT_TRUE(pool.TrySubmit(first).ok());
      ASSERT_TRUE(pool.TrySubmit(second).ok());
    }
    ASSERT_TRUE(done.WaitFor(kPatience)) << "round " << round;
    // Both have run, but a thread may be about to leave them.
    ASSERT_TRUE(Eventually([&] { return pool.GetStats().running == 0; }));
  }
}

// One wake-up for all: who is woken wakes the next.
TEST_P(ThreadPoolAtTest, RunsAllOfABatchAndWhatIsRefusedIsTold) {
  PoolOptions options = OptionsWith(GetParam(), GetParam());
  options.capacity = 50;
  ThreadPool pool(options, kClock);
  absl::Status why = absl::UnknownError("not set");
  EXPECT_EQ(pool.TrySubmitMany({}, why), 0u);
  for (int round = 0; round < 50; ++round) {
    Countdown done(60);
    std::deque<CallWork> works;
    std::vector<Work*> batch;
    for (int i = 0; i < 60; ++i) {
      works.emplace_back([&](const Dispatch&) { done.Done(); }, kPriorities[i % 4]);
      batch.push_back(&works.back());
    }
    const bool is_first = round == 0;  // Before the start nobody makes room.
    size_t taken = pool.TrySubmitMany(batch, why);
    if (is_first) {
      EXPECT_EQ(taken, 50u);
      EXPECT_EQ(why.code(), absl::StatusCode::kResourceExhausted) << why;
      ASSERT_TRUE(pool.Start().ok());
    }
    while (taken < batch.size()) {
      taken += pool.TrySubmitMany(absl::MakeSpan(batch).subspan(taken), why);
      ASSERT_EQ(why.ok(), taken == batch.size());
    }
    EXPECT_TRUE(why.ok()) << why;
    ASSERT_TRUE(done.WaitFor(kPatience)) << "round " << round;
    ASSERT_TRUE(Eventually([&] { return pool.GetStats().running == 0; }));
  }
  EXPECT_EQ(pool.GetStats().submitted, 50u * 60);
}

// A burst calls the kernel for threads that sleep, not for each piece of work.
TEST_P(ThreadPoolAtTest, ABurstBehindBusyThreadsWakesNobody) {
  const size_t threads = static_cast<size_t>(GetParam());
  ThreadPool pool(OptionsWith(GetParam(), GetParam()), kClock);
  ASSERT_TRUE(pool.Start().ok());
  for (int round = 0; round < 10; ++round) {
    std::deque<Holder> holders(threads);
    for (Holder& holder : holders) ASSERT_TRUE(pool.TrySubmit(holder.work).ok());
    for (Holder& holder : holders) holder.started.Wait();
    const uint64_t before = pool.GetStats().wakeups;
    Countdown done(200);
    std::deque<CallWork> works;
    for (int i = 0; i < 200; ++i) {
      works.emplace_back([&](const Dispatch&) { done.Done(); }, kPriorities[i % 4]);
      ASSERT_TRUE(pool.TrySubmit(works.back()).ok());
    }
    EXPECT_EQ(pool.GetStats().wakeups, before);
    for (Holder& holder : holders) holder.release.Notify();
    ASSERT_TRUE(done.WaitFor(kPatience));
    ASSERT_TRUE(Eventually([&] { return pool.GetStats().running == 0; }));
  }
}

TEST_P(ThreadPoolAtTest, AccountsForEveryWorkAtEveryMoment) {
  PoolOptions options = OptionsWith(GetParam(), GetParam());
  options.capacity = 100;
  ThreadPool pool(options, kClock);
  ASSERT_TRUE(pool.Start().ok());
  std::deque<CallWork> works;
  std::atomic<uint64_t> ran{0};
  for (uint64_t accepted = 1; accepted <= 20'000; ++accepted) {
    works.emplace_back([&](const Dispatch&) { ran.fetch_add(1); }, kPriorities[accepted % 4]);
    while (!pool.TrySubmit(works.back()).ok()) sched_yield();
    if (accepted % 100 != 0) continue;
    const uint64_t ran_before = ran.load();
    const PoolStats stats = pool.GetStats();
    EXPECT_EQ(stats.submitted, accepted) << "refusals do not count";
    EXPECT_LE(stats.queued, 100u + GetParam()) << "and what is between ring and worker";
    EXPECT_LE(stats.running, static_cast<uint64_t>(GetParam()));
    EXPECT_LE(stats.completed, ran.load());
    EXPECT_GE(stats.running + stats.completed, ran_before);
    EXPECT_LE(stats.queued, accepted - ran_before);
  }
  EXPECT_TRUE(pool.Drain(In(kPatience), {}).complete);
  EXPECT_EQ(pool.GetStats().completed, 20'000u);
  EXPECT_EQ(ran.load(), 20'000u);
}

TEST(ThreadPoolTest, CountsWorkWhereItIs) {
  ThreadPool pool(OptionsWith(1, 1), kClock);
  ASSERT_TRUE(pool.Start().ok());
  Holder holder(Priority::kHigh);
  ASSERT_TRUE(pool.TrySubmit(holder.work).ok());
  holder.started.Wait();
  std::deque<CallWork> works;
  for (int i = 0; i < 3; ++i) {
    works.emplace_back([](const Dispatch&) {}, Priority::kLow);
    ASSERT_TRUE(pool.TrySubmit(works.back()).ok());
  }
  const PoolStats stats = pool.GetStats();
  EXPECT_EQ(stats.priorities[Priority::kHigh].running, 1u);
  EXPECT_EQ(stats.priorities[Priority::kHigh].completed, 0u);
  EXPECT_EQ(stats.priorities[Priority::kLow].queued, 3u);
  EXPECT_EQ(stats.submitted, 4u);
  EXPECT_EQ(stats.running, 1u);
  EXPECT_EQ(stats.completed, 0u);
  EXPECT_EQ(stats.queued, 3u);
  holder.release.Notify();
  EXPECT_TRUE(pool.Drain(In(kPatience), {}).complete);
  EXPECT_EQ(pool.GetStats().priorities[Priority::kLow].completed, 3u);
  EXPECT_EQ(pool.GetStats().completed, 4u);
}

TEST(ThreadPoolTest, RunsTheMostUrgentFirst) {
  ThreadPool pool(OptionsWith(1, 1), kClock);
  ASSERT_TRUE(pool.Start().ok());
  Holder holder;
  ASSERT_TRUE(pool.TrySubmit(holder.work).ok());
  holder.started.Wait();
  std::string order;
  Countdown done(8);
  std::deque<CallWork> works;
  for (int i = 0; i < 8; ++i) {
    const Priority priority = kPriorities[i % 4];
    works.emplace_back(
        [&, priority](const Dispatch&) {
          order += Name(priority)[0];
          done.Done();
        },
        priority);
    ASSERT_TRUE(pool.TrySubmit(works.back()).ok());
  }
  holder.release.Notify();
  ASSERT_TRUE(done.WaitFor(kPatience));
  // Seat 0 begins at Normal's slot, which the holder took; position 2 guarantees High: it is first
  // but for that.
  EXPECT_EQ(order.size(), 8u);
  EXPECT_EQ(order.substr(0, 4).find_first_of("ln"), std::string::npos) << order;
}

TEST(ThreadPoolTest, KeepsOneThreadForUrgentWork) {
  ThreadPool pool(OptionsWith(3, 3), kClock);
  ASSERT_TRUE(pool.Start().ok());
  std::deque<Holder> holders;
  for (int i = 0; i < 5; ++i) {
    holders.emplace_back(i % 2 == 0 ? Priority::kNormal : Priority::kLow);
    ASSERT_TRUE(pool.TrySubmit(holders.back().work).ok());
  }
  const auto running = [&] {
    int count = 0;
    for (const Holder& holder : holders) count += holder.started.HasBeenNotified() ? 1 : 0;
    return count;
  };
  ASSERT_TRUE(Eventually([&] { return running() == 2; }));
  Countdown done(1);
  CallWork urgent([&](const Dispatch&) { done.Done(); }, Priority::kHigh);
  ASSERT_TRUE(pool.TrySubmit(urgent).ok());
  EXPECT_TRUE(done.WaitFor(kPatience));
  EXPECT_EQ(running(), 2);
  for (Holder& holder : holders) holder.release.Notify();
  EXPECT_TRUE(pool.Drain(In(kPatience), {}).complete);
  EXPECT_EQ(running(), 5);
}

TEST(ThreadPoolTest, CancelledWorkIsNoDispatch) {
  ThreadPool pool(OptionsWith(1, 1), kClock);
  ASSERT_TRUE(pool.Start().ok());
  Work cancelled;
  cancelled.run = [](Work&, const Dispatch&) { return false; };
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(pool.TrySubmit(cancelled).ok());
    ASSERT_TRUE(Eventually([&] {
      return pool.GetStats().priorities[Priority::kNormal].cancelled == uint64_t(i) + 1;
    }));
  }
  EXPECT_EQ(pool.DispatchCount(), 0u);
  EXPECT_EQ(pool.GetStats().completed, 0u);
}

TEST(ThreadPoolTest, AnExceptionEndsNoThread) {
  ThreadPool pool(OptionsWith(1, 1), kClock);
  ASSERT_TRUE(pool.Start().ok());
  CallWork bad([](const Dispatch&) { throw std::runtime_error("no"); });
  ASSERT_TRUE(pool.TrySubmit(bad).ok());
  Countdown done(1);
  CallWork good([&](const Dispatch&) { done.Done(); });
  ASSERT_TRUE(pool.TrySubmit(good).ok());
  EXPECT_TRUE(done.WaitFor(kPatience));
  EXPECT_EQ(pool.GetStats().exceptions, 1u);
}

// Queues of the simplest kind: a list for each priority.
class FakeQueues : public Refiller {
 public:
  explicit FakeQueues(ThreadPool& pool) : pool_(pool) {}

  void Add(Work& work) {
    MutexLock lock(mu_);
    waiting_[work.priority].push_back(&work);
  }
  size_t Refill(Priority priority) override {
    size_t released = 0;
    MutexLock lock(mu_);
    std::deque<Work*>& waiting = waiting_[priority];
    while (!waiting.empty() && pool_.TryRelease(*waiting.front())) {
      waiting.pop_front();
      most_ = std::max(most_, pool_.Released(priority));
      ++released;
    }
    return released;
  }
  size_t most() const { return most_; }

 private:
  ThreadPool& pool_;
  Mutex mu_;
  PerPriority<std::deque<Work*>> waiting_;
  size_t most_ = 0;
};

TEST_P(ThreadPoolAtTest, TakesReleasedWorkInAShallowLayer) {
  ThreadPool pool(OptionsWith(GetParam(), GetParam()), kClock);
  FakeQueues queues(pool);
  pool.SetRefiller(&queues);
  std::deque<CallWork> works;
  Countdown done(5000);
  for (int i = 0; i < 5000; ++i) {
    works.emplace_back([&](const Dispatch&) { done.Done(); }, kPriorities[i % 4]);
    queues.Add(works.back());
  }
  ASSERT_TRUE(pool.Start().ok());
  for (Priority priority : kPriorities) queues.Refill(priority);
  EXPECT_TRUE(done.WaitFor(kPatience)) << done.left();
  // The refiller must outlive the pool's threads, which ask it once more before they sleep.
  pool.Stop();
  EXPECT_LE(queues.most(), 2u * GetParam());
}

}  // namespace
}  // namespace taskforge

// The pool under load: wake-ups, threads that come and go, and the waiting bound, recomputed by a
// checker from what every piece of work wrote down.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "base/cpu_budget.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/scoped_blocking.h"
#include "pool/thread_pool.h"
#include "unit/pool/pool_fixture.h"

namespace taskforge {
namespace {

const SystemClock kClock;
constexpr absl::StatusCode kOk = absl::StatusCode::kOk;

class PoolStressTest : public testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Threads, PoolStressTest, testing::Values(1, 2, 8));

// Two pools submit to each other in turn. A pool whose own thread submits would find the work
// itself; so every hop meets threads that sleep, or, since each dawdles after its hop, are about
// to, and needs its wake-up. A watchdog waits for the last hop.
TEST_P(PoolStressTest, PingPongLosesNoWakeUp) {
  constexpr uint32_t kHops = 20'000;
  // Where there are two processors: at the same time, not in turn on one.
  const std::vector<int> cpus = ReadCpuBudget().allowed_cpus;
  PoolOptions options = OptionsWith(GetParam(), GetParam());
  options.affinity.mode = AffinityMode::kExplicit;
  options.affinity.masks = {{cpus.front()}};
  ThreadPool one(options, kClock);
  options.affinity.masks = {{cpus.back()}};
  ThreadPool other(options, kClock);
  ASSERT_TRUE(one.Start().ok());
  ASSERT_TRUE(other.Start().ok());
  std::atomic<uint32_t> hops{0};
  Countdown done(1);
  CallWork ping([](const Dispatch&) {});
  CallWork pong([](const Dispatch&) {}, Priority::kHigh);
  const auto submit = [&](ThreadPool& to, CallWork& next) {
    const uint32_t hop = hops.fetch_add(1) + 1;
    if (hop >= kHops) {
      done.Done();
    } else {
      EXPECT_TRUE(to.TrySubmit(next).ok());
      Dawdle(hop * 31 % 32'768);  // Up to as long as the answer takes.
    }
  };
  ping.call = [&](const Dispatch&) { submit(other, pong); };
  pong.call = [&](const Dispatch&) { submit(one, ping); };
  ASSERT_TRUE(one.TrySubmit(ping).ok());
  EXPECT_TRUE(done.WaitFor(absl::Minutes(1))) << "lost after " << hops.load();
  // The last but one hop may still be inside the other pool.
  one.Stop();
  other.Stop();
}

// Threads leave after a millisecond of idleness while submitters come at random moments.
TEST_P(PoolStressTest, IdleTimeoutRacesSubmits) {
  const uint64_t seed = EntropySeed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  SeededRandom random(seed);
  PoolOptions options = OptionsWith(1, 16);
  options.idle_timeout = absl::Milliseconds(1);
  options.scaling.flip_hold = absl::ZeroDuration();
  options.scaling.tick = absl::Milliseconds(1);
  options.scaling.queue_wait = absl::ZeroDuration();
  ThreadPool pool(options, kClock);
  ASSERT_TRUE(pool.Start().ok());
  std::deque<CallWork> works;
  const MonoTime until = kClock.Monotonic() + absl::Seconds(2);
  int rounds = 0;
  for (; kClock.Monotonic() < until; ++rounds) {
    const uint32_t burst = 1 + static_cast<uint32_t>(random.Next64() % (4 * GetParam()));
    Countdown done(burst);
    works.clear();
    for (uint32_t i = 0; i < burst; ++i) {
      works.emplace_back(
          [&, block = random.Next64() % 4 == 0](const Dispatch&) {
            if (block) {
              ScopedBlocking blocking;
              RestFor(absl::Milliseconds(2));
            }
            done.Done();
          },
          kPriorities[random.Next64() % 4]);
      ASSERT_TRUE(pool.TrySubmit(works.back()).ok());
    }
    ASSERT_TRUE(done.WaitFor(kPatience)) << done.left() << " lost in round " << rounds;
    RestFor(absl::Microseconds(static_cast<int64_t>(random.Next64() % 3000)));
  }
  EXPECT_TRUE(pool.Drain(kClock.Monotonic() + kPatience, {}).complete);
}

// Runs are abandoned at random moments, so that often the abandoning and the end of the run race.
// Each work runs once, as many threads are lost as were said to be, and in the end all is as
// before.
TEST_P(PoolStressTest, AbandonedRunsRaceTheirEnds) {
  const uint64_t seed = EntropySeed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  SeededRandom random(seed);
  const int threads = GetParam();
  PoolOptions options = OptionsWith(threads, threads);
  options.scaling.tick = absl::Milliseconds(1);
  options.resize_history = 100'000;
  ThreadPool pool(options, kClock);
  ASSERT_TRUE(pool.Start().ok());
  std::atomic<int> ran{0};
  int lost = 0;
  for (int round = 0; round < 300; ++round) {
    const uint32_t burst = 1 + static_cast<uint32_t>(random.Next64() % (2 * threads));
    std::vector<std::atomic<uint64_t>> tickets(burst);
    std::vector<std::atomic<int>> seats(burst);
    Countdown done(burst);
    std::deque<CallWork> works;
    for (uint32_t i = 0; i < burst; ++i) {
      const absl::Duration length = absl::Microseconds(random.Next64() % 50);
      works.emplace_back(
          [&, i, length](const Dispatch& dispatch) {
            seats[i].store(dispatch.seat);
            tickets[i].store(dispatch.ticket);
            const MonoTime until = kClock.Monotonic() + length;
            while (kClock.Monotonic() < until) sched_yield();
            ran.fetch_add(1);
            done.Done();
          },
          kPriorities[random.Next64() % 4]);
      ASSERT_TRUE(pool.TrySubmit(works.back()).ok());
    }
    while (done.left() > 0) {
      const uint32_t i = static_cast<uint32_t>(random.Next64() % burst);
      const uint64_t ticket = tickets[i].load();
      if (ticket != 0 && pool.Abandon(seats[i].load(), ticket)) ++lost;
    }
    ASSERT_TRUE(done.WaitFor(kPatience));
    // The last of them may still be on their way out of the functions that use the above.
    ASSERT_TRUE(Eventually([&] { return pool.GetStats().running == 0; }));
  }
  const auto settled = [&] {
    const PoolStats stats = pool.GetStats();
    return stats.abandoned == 0 && stats.threads == threads;
  };
  EXPECT_TRUE(Eventually(settled));
  int told = 0;
  for (const ResizeEvent& event : pool.Resizes(100'000)) {
    const bool is_loss = event.reason == ScalingReason::kAbandoned && event.to < event.from;
    if (is_loss) told += event.from - event.to;
  }
  EXPECT_EQ(told, lost);
  EXPECT_GT(lost, 0);
  // All places under the running cap are free again, and no more than there should be.
  const uint32_t places = static_cast<uint32_t>(std::max(1, threads - 1));
  Countdown begun(places);
  std::atomic<int> begun_count{0};
  Notification let_go;
  std::deque<CallWork> holders;
  for (uint32_t i = 0; i < places + 1; ++i) {
    holders.emplace_back([&](const Dispatch&) {
      if (begun_count.fetch_add(1) < static_cast<int>(places)) begun.Done();
      let_go.Wait();
    });
    ASSERT_TRUE(pool.TrySubmit(holders.back()).ok());
  }
  EXPECT_TRUE(begun.WaitFor(kPatience)) << begun.left() << " places are lost";
  EXPECT_EQ(begun_count.load(), static_cast<int>(places));
  let_go.Notify();
  EXPECT_TRUE(pool.Drain(kClock.Monotonic() + kPatience, {}).complete);
}

// Many submit while the pool drains: each work has run, was refused, or was handed back; once.
TEST_P(PoolStressTest, SubmitsRaceADrain) {
  for (int round = 0; round < 20; ++round) {
    ThreadPool pool(OptionsWith(GetParam(), GetParam()), kClock);
    ASSERT_TRUE(pool.Start().ok());
    std::atomic<int> ran{0};
    std::atomic<int> accepted{0};
    std::atomic<int> returned{0};
    std::vector<std::deque<CallWork>> works(3);
    std::vector<std::thread> submitters;
    for (auto& mine : works) {
      submitters.emplace_back([&] {
        for (int i = 0; i < 2000; ++i) {
          mine.emplace_back([&](const Dispatch&) { ran.fetch_add(1); }, kPriorities[i % 4]);
          const absl::Status status = pool.TrySubmit(mine.back());
          if (status.ok()) accepted.fetch_add(1);
          if (absl::IsUnavailable(status)) return;
        }
      });
    }
    const MonoTime deadline = kClock.Monotonic() + absl::Milliseconds(round % 2 == 0 ? 0 : 2);
    pool.Drain(deadline, [&](Work&) { returned.fetch_add(1); });
    for (std::thread& submitter : submitters) submitter.join();
    pool.Stop([&](Work&) { returned.fetch_add(1); });
    EXPECT_EQ(ran.load() + returned.load(), accepted.load());
  }
}

// What a work writes down about its wait.
struct Traced : Work {
  uint64_t counted_at_submit = 0;  // Dispatches that count, after it was submitted.
  uint64_t ahead = 0;              // Of its priority, at the most.
  Dispatch dispatch;
  Countdown* done = nullptr;
};

bool RunTraced(Work& work, const Dispatch& dispatch) {
  Traced& traced = static_cast<Traced&>(work);
  traced.dispatch = dispatch;
  traced.done->Done();
  return true;
}

// Critical saturates two threads for the whole run, and Normal work holds one of them now and then
// (so that the running cap is reached): every Low and every Normal work starts within the bound.
TEST_P(PoolStressTest, NobodyStarves) {
  const int threads = std::max(2, GetParam());
  PoolOptions options = OptionsWith(threads, threads);
  ThreadPool pool(options, kClock);
  ASSERT_TRUE(pool.Start().ok());

  std::atomic<bool> saturate{true};
  std::deque<CallWork> critical;
  for (int i = 0; i < 4 * threads; ++i) {
    critical.emplace_back([](const Dispatch&) {}, Priority::kCritical);
    CallWork& self = critical.back();
    self.call = [&](const Dispatch&) {
      const MonoTime until = kClock.Monotonic() + absl::Microseconds(5);
      while (kClock.Monotonic() < until) {
      }
      if (saturate.load(std::memory_order_relaxed)) {
        EXPECT_EQ(pool.TrySubmit(self).code(), kOk);
      }
    };
    ASSERT_TRUE(pool.TrySubmit(self).ok());
  }

  constexpr uint32_t kCount = 600;
  Countdown done(kCount);
  std::deque<Traced> traced(kCount);
  Notification held_up;
  CallWork holder([&](const Dispatch&) { held_up.Wait(); });
  for (uint32_t i = 0; i < kCount; ++i) {
    if (i == kCount / 3) {
      EXPECT_EQ(pool.TrySubmit(holder).code(), kOk);
    }
    if (i == kCount / 2) held_up.Notify();
    Traced& work = traced[i];
    work.run = RunTraced;
    work.priority = i % 3 == 0 ? Priority::kNormal : Priority::kLow;
    work.done = &done;
    // Before the submission no less is ahead of it than after; after it, no more was dispatched
    // before it than now.
    work.ahead = pool.QueuedApprox(work.priority);
    ASSERT_TRUE(pool.TrySubmit(work).ok());
    work.counted_at_submit = pool.CountedDispatches(work.priority);
    if (i % 16 == 0) RestFor(absl::Microseconds(200));
  }
  ASSERT_TRUE(done.WaitFor(absl::Seconds(60))) << done.left() << " starved";
  saturate = false;
  EXPECT_TRUE(pool.Drain(kClock.Monotonic() + kPatience, {}).complete);

  const SlotLayout layout(options.weights);
  uint64_t most_waited = 0;
  for (const Traced& work : traced) {
    if (work.dispatch.counted <= work.counted_at_submit) continue;  // It started at once.
    const uint64_t waited = work.dispatch.counted - work.counted_at_submit - 1;
    EXPECT_LE(waited, layout.Bound(work.priority, work.ahead, work.dispatch.seats))
        << Name(work.priority) << " with " << work.ahead << " ahead";
    most_waited = std::max(most_waited, waited);
  }
  EXPECT_GT(most_waited, 0u) << "the test has not tested anything";
}

}  // namespace
}  // namespace taskforge

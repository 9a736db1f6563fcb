// Races between those who enqueue, those who take and refill as the pool's threads do, and those
// who cancel: nothing is lost, nothing runs twice, nobody is overtaken by his own later task.
#include <algorithm>
#include <atomic>
#include <climits>
#include <map>
#include <ostream>
#include <thread>

#include "base/futex.h"
#include "base/random.h"
#include "queues/local_lane.h"
#include "queues/remote_lanes.h"
#include "queues_fixture.h"

namespace taskforge {
namespace {

constexpr auto kBack = TaskSink::Position::kBack;

struct Plan {
  int producers;
  int consumers;
  bool cancels;
};
// So that a test has the same name each time, which its padding has not.
void PrintTo(const Plan& plan, std::ostream* out) {
  *out << plan.producers << "+" << plan.consumers << (plan.cancels ? " cancels" : "");
}

// Wakes whoever sleeps on the count of its releases.
class WakingTarget final : public ReleaseTarget {
 public:
  explicit WakingTarget(FakeReleaseTarget& inner) : inner_(inner) {}
  bool TryRelease(Work& work) override {
    if (!inner_.TryRelease(work)) return false;
    Wake();
    return true;
  }
  void Wake() {
    sequence.fetch_add(1);
    FutexWake(sequence, INT_MAX);
  }
  size_t Released(Priority priority) const override { return inner_.Released(priority); }
  size_t ReleaseLimit() const override { return inner_.ReleaseLimit(); }
  uint64_t DispatchCount(Priority priority) const override {
    return inner_.DispatchCount(priority);
  }
  std::atomic<uint32_t> sequence{0};

 private:
  FakeReleaseTarget& inner_;
};

class QueuesStressTest : public QueuesFixture, public ::testing::WithParamInterface<Plan> {
 protected:
  static constexpr int kTasksEach = 3000;

  // What a consumer took, in its order, by producer.
  struct Taken {
    Mutex mu;
    std::map<int, std::vector<int>> by_producer ABSL_GUARDED_BY(mu);
  };
};

// A consumer does what a worker of the pool does: takes, refills below half, and before it sleeps
// asks once more. It sleeps on the count of releases, as a worker that is woken by a release.
TEST_P(QueuesStressTest, LocalLaneLosesNothingAndKeepsOrder) {
  const Plan plan = GetParam();
  FakeReleaseTarget target(4);
  LocalLane lane(gates_, target);
  const int total = plan.producers * kTasksEach;
  std::atomic<int> done{0};
  std::atomic<int> cancelled{0};
  std::vector<std::thread> threads;
  Taken taken;  // One consumer at a time takes and notes: so the order is known.

  for (int p = 0; p < plan.producers; ++p) {
    threads.emplace_back([&, p] {
      SeededRandom random(static_cast<uint64_t>(p) + 1);
      for (int i = 0; i < kTasksEach; ++i) {
        const TaskRef task = Make(absl::StrCat(p, "/", i));
        lane.Enqueue(task, kBack);
        if (!plan.cancels || random.Next64() % 4 != 0) continue;
        if (task->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling)) {
          lane.Remove(*task);
          cancelled.fetch_add(1);
        }
      }
    });
  }
  for (int c = 0; c < plan.consumers; ++c) {
    threads.emplace_back([&] {
      while (done.load() + cancelled.load() < total) {
        bool found = false;
        {
          MutexLock lock(taken.mu);
          if (const TaskRef task = target.Take()) {
            found = true;
            if (task->TryAdvance(TaskPhase::kQueued, TaskPhase::kStarting)) {
              const size_t slash = IdOf(*task).find('/');
              taken.by_producer[std::stoi(IdOf(*task).substr(0, slash))].push_back(
                  std::stoi(IdOf(*task).substr(slash + 1)));
              done.fetch_add(1);
            }
          }
        }
        if (target.Released(Priority::kNormal) < target.ReleaseLimit() / 2) {
          found |= lane.Refill(Priority::kNormal) != 0;
        }
        if (!found) std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(done.load() + cancelled.load(), total);
  MutexLock lock(taken.mu);
  for (const auto& [producer, order] : taken.by_producer) {
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end())) << "producer " << producer;
  }
}

// The hardest case for a lost task: the layer is nearly always empty, and a consumer never asks
// again after Refill has said zero until something is released.
TEST_P(QueuesStressTest, NoTaskIsLeftBehindWhenConsumersSleep) {
  const Plan plan = GetParam();
  FakeReleaseTarget inner(1);
  WakingTarget target(inner);
  LocalLane lane(gates_, target);
  const int total = plan.producers * kTasksEach;
  std::atomic<int> done{0};
  std::atomic<bool> stuck{false};
  std::vector<std::thread> threads;
  for (int p = 0; p < plan.producers; ++p) {
    threads.emplace_back([&] {
      for (int i = 0; i < kTasksEach; ++i) lane.Enqueue(Make("t"), kBack);
    });
  }
  for (int c = 0; c < plan.consumers; ++c) {
    threads.emplace_back([&] {
      SystemClock clock;
      while (done.load() < total && !stuck.load()) {
        const uint32_t seen = target.sequence.load();
        if (inner.Take()) {
          if (done.fetch_add(1) + 1 == total) target.Wake();
          continue;
        }
        if (lane.Refill(Priority::kNormal) != 0) continue;
        if (done.load() >= total) break;
        // A wake-up that never comes is what this looks for.
        if (!FutexWait(target.sequence, seen, clock.Monotonic() + absl::Seconds(20))) stuck = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(stuck.load());
  EXPECT_EQ(done.load(), total);
}

// One thread pauses and resumes the queue of half of the tasks all the time. Consumers sleep as
// above, and give back what they find paused: nothing is lost, and nothing starts twice.
TEST_P(QueuesStressTest, NoTaskIsLeftBehindWhenAQueueIsPausedAndResumed) {
  const Plan plan = GetParam();
  FakeReleaseTarget inner(2);
  WakingTarget target(inner);
  gates_.SetCount(2);
  LocalLane lane(gates_, target);
  const int total = plan.producers * kTasksEach;
  std::atomic<int> done{0};
  std::atomic<int> twice{0};
  std::atomic<bool> stuck{false};
  std::vector<std::thread> threads;
  for (int p = 0; p < plan.producers; ++p) {
    threads.emplace_back([&] {
      for (int i = 0; i < kTasksEach; ++i) {
        lane.Enqueue(Make("t", Priority::kNormal, static_cast<size_t>(i) % 2), kBack);
      }
    });
  }
  // Whether there was something to take.
  const auto take = [&] {
    const TaskRef task = inner.Take();
    if (!task) return false;
    if (gates_.IsPaused(task->queue_index()) && lane.TakeBack(task)) return true;
    if (!task->TryAdvance(TaskPhase::kQueued, TaskPhase::kStarting)) twice.fetch_add(1);
    if (done.fetch_add(1) + 1 == total) target.Wake();
    return true;
  };
  for (int c = 0; c < plan.consumers; ++c) {
    threads.emplace_back([&] {
      SystemClock clock;
      while (done.load() < total && !stuck.load()) {
        const uint32_t seen = target.sequence.load();
        if (take() || lane.Refill(Priority::kNormal) != 0) continue;
        if (done.load() >= total) break;
        if (!FutexWait(target.sequence, seen, clock.Monotonic() + absl::Seconds(20))) stuck = true;
      }
    });
  }
  SeededRandom random(static_cast<uint64_t>(plan.producers) + 7);
  while (done.load() < total && !stuck.load()) {
    for (const bool is_paused : {true, false}) {
      SetGate(1, is_paused, [&] { lane.Sync(1); });
      for (uint64_t n = random.Next64() % 16; n > 0; --n) std::this_thread::yield();
    }
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(stuck.load());
  EXPECT_EQ(done.load(), total);
  EXPECT_EQ(twice.load(), 0);
}

TEST_P(QueuesStressTest, RemoteLanesGiveEachTaskOutOnce) {
  const Plan plan = GetParam();
  RemoteLanes lanes(gates_);
  const int total = plan.producers * kTasksEach;
  std::atomic<int> started{0};
  std::atomic<int> cancelled{0};
  std::vector<std::thread> threads;
  for (int p = 0; p < plan.producers; ++p) {
    threads.emplace_back([&, p] {
      SeededRandom random(static_cast<uint64_t>(p) + 1);
      for (int i = 0; i < kTasksEach; ++i) {
        const Priority priority = kPriorities[random.Next64() % kPriorityCount];
        const TaskRef task = Make("t", priority, 0, absl::StrCat("h", i % 3));
        lanes.Enqueue(task, kBack);
        if (plan.cancels && random.Next64() % 4 == 0 &&
            task->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling)) {
          lanes.Remove(*task);
          cancelled.fetch_add(1);
        }
      }
    });
  }
  for (int c = 0; c < plan.consumers; ++c) {
    threads.emplace_back([&, c] {
      const std::vector<std::string> handlers = {"h0", c % 2 == 0 ? "h1" : "h2",
                                                 c % 2 == 0 ? "h2" : "h1"};
      while (started.load() + cancelled.load() < total) {
        const std::vector<TaskRef> claimed = lanes.Claim(handlers, 16);
        for (const TaskRef& task : claimed) {
          if (task->TryAdvance(TaskPhase::kQueued, TaskPhase::kStarting)) started.fetch_add(1);
        }
        if (claimed.empty()) std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(started.load() + cancelled.load(), total);
}

INSTANTIATE_TEST_SUITE_P(Queues, QueuesStressTest,
                         ::testing::Values(Plan{1, 1, false}, Plan{2, 2, false}, Plan{8, 8, false},
                                           Plan{1, 1, true}, Plan{2, 2, true}, Plan{8, 8, true}));

}  // namespace
}  // namespace taskforge

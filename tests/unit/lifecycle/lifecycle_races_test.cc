// Cancel, completion, time-out and loss reach a task at the same time, at 1, 2 and 8 threads: each
// task has exactly one recorded end, an acknowledged cancel of a waiting task holds, and nothing is
// left behind.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lifecycle/progress_note.h"
#include "support/lifecycle_fixture.h"

namespace taskforge {
namespace {

// Ends an attempt in one of the ways there are.
void End(RemoteAttempt running, uint64_t choice) {
  switch (choice % 4) {
    case 0:
      running.done.Succeed({});
      return;
    case 1:
      running.done.Fail(LifecycleFixture::ErrorOf("BROKEN"));
      return;
    case 2:
      running.done.Lose("gone");
      return;
    default:
      running.done.Fail(LifecycleFixture::ErrorOf("FINAL", false));
  }
}

class LifecycleRacesTest : public testing::TestWithParam<int>, protected LifecycleFixture {};

TEST_P(LifecycleRacesTest, EachTaskEndsOnce) {
  constexpr int kTasks = 600;
  const uint64_t seed = EntropySeed();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  SeededRandom choices(seed);
  std::vector<TaskRef> tasks;
  std::atomic<int> finished{0};
  for (int i = 0; i < kTasks; ++i) {
    TaskSpec spec = Spec(3);
    spec.terms.Edit().retry.min_backoff = absl::Milliseconds(1);
    if (i % 3 == 0) spec.terms.Edit().run_timeout = absl::Milliseconds(1);
    tasks.push_back(Submit(spec, absl::StrCat("t", i)));
    tasks.back()->OnFinished([&](const TaskRecordPtr&) { ++finished; });
  }
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < GetParam(); ++i) {
    threads.emplace_back([&] {  // Runs and ends attempts.
      while (!stop.load()) {
        auto running = Start();
        if (!running.has_value()) {
          std::this_thread::yield();
          continue;
        }
        End(std::move(*running), choices.Next64());
      }
    });
    threads.emplace_back([&, i] {  // Cancels.
      for (int t = i; t < kTasks; t += 2 * GetParam()) {
        directory.Cancel(tasks[t]->name(), [&](absl::StatusOr<TaskRecordPtr> answer) {
          if (!answer.ok() || (*answer)->state == TaskState::kRunning) return;
          // Acknowledged before it started again: it never does.
          EXPECT_TRUE((*answer)->state == TaskState::kCancelled ||
                      (*answer)->history->cancel_requested_time.has_value());
        });
      }
    });
  }
  std::thread time([&] {
    while (finished.load() < kTasks) clock.Advance(absl::Milliseconds(1));
  });
  time.join();
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  for (const TaskRef& task : tasks) {
    EXPECT_EQ(store.completions(task->name()), 1);
    ASSERT_NE(task->finished_record(), nullptr);
    EXPECT_TRUE(IsTerminal(task->finished_record()->state));
    EXPECT_EQ(task->running().get(), nullptr);
  }
  EXPECT_EQ(finished.load(), kTasks);
  EXPECT_EQ(live.size(), 0u);
  EXPECT_EQ(ledger.given_back.Sum(), static_cast<uint64_t>(kTasks));
  clock.Advance(absl::Seconds(10));
  EXPECT_EQ(timer.pending(), 0u);
}

// Whoever changes a task and notes it last in time may have looked first: what stays noted is the
// last change.
TEST_P(LifecycleRacesTest, NoOlderNoteStaysBehindANewerOne) {
  for (int round = 0; round < 300; ++round) {
    TaskRef task = Submit(Spec(), absl::StrCat("t", round));
    std::vector<std::thread> changers;
    for (int t = 0; t < GetParam(); ++t) {
      changers.emplace_back([&] {
        for (int i = 0; i < 20; ++i) {
          task->Update([](TaskRecord& record) { record.wait_reason = WaitReason::kQueue; });
          NoteProgress(store, *task, {});
        }
      });
    }
    for (std::thread& changer : changers) changer.join();
    ASSERT_EQ(store.notes().back()->revision, task->Snapshot()->revision) << round;
  }
}

TEST_P(LifecycleRacesTest, ACancelAndARetryDoNotMissEachOther) {
  for (int round = 0; round < 30; ++round) {
    TaskRef task = Submit(Spec(100), absl::StrCat("r", round));
    auto running = Start();
    std::vector<std::thread> cancels;
    for (int i = 0; i < GetParam(); ++i) {
      cancels.emplace_back(
          [&] { directory.Cancel(task->name(), [](absl::StatusOr<TaskRecordPtr>) {}); });
    }
    if (round % 2 == 0) {
      running->done.Fail(ErrorOf("BROKEN"));
    } else {
      running->done.Lose("gone");
    }
    for (std::thread& cancel : cancels) cancel.join();
    ASSERT_NE(task->finished_record(), nullptr) << "somebody must have ended it";
    ASSERT_EQ(task->finished_record()->state, TaskState::kCancelled);
    ASSERT_EQ(queue.size(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, LifecycleRacesTest, testing::Values(1, 2, 8));

}  // namespace
}  // namespace taskforge

#include "intake/recovery.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/fake_handlers.h"
#include "support/fake_release_target.h"
#include "support/fake_timer.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RecoveryTest : public ::testing::Test,
                     public TaskRunner,
                     public TaskEnder,
                     public AttemptSink {
 protected:
  RecoveryTest() : queues_(Limits(), clock_, handlers_, target_) {}
  ~RecoveryTest() override {
    // Tasks give their places back to the queues: they go first.
    for (const Priority priority : kPriorities) {
      while (target_.Take(priority)) {
      }
    }
    lost_.clear();
  }

  static TaskQueuesOptions Limits() {
    QueueOptions queue;
    queue.max_tasks = 2;
    TaskQueuesOptions options;
    options.queues = {queue};
    return options;
  }

  Ref<TaskRecord> Record(TaskState state, const std::string& queue = "default") {
    auto spec = MakeRef<TaskSpec>();
    spec->handler = "echo";
    spec->queue = queue;
    auto record = MakeRef<TaskRecord>();
    record->spec = std::move(spec);
    record->uid = uuids_.Next(clock_.Now());
    record->create_time = clock_.Now();
    record->state = state;
    record->effective_durability = Durability::kDurable;
    if (state == TaskState::kRunning) {
      record->history.Edit().attempts.push_back(
          {.number = 1, .queued_time = clock_.Now(), .executor = "pool/seat-0", .error = {}});
    }
    return record;
  }
  RecoveryReport Recover(const std::vector<Ref<TaskRecord>>& records) {
    Recovery recovery({clock_, queues_, live_, *this, *this, waits_, uuids_});
    for (const Ref<TaskRecord>& record : records) {
      recovery.Add(MakeRef<TaskRecord>(*record));
      EXPECT_FALSE(target_.Take()) << "something began before all was there";
    }
    EXPECT_TRUE(recovery.Check().ok());
    return recovery.Begin();
  }
  // What waits, in the order in which it would start.
  std::vector<Uuid> Released() {
    std::vector<Uuid> uids;
    while (const TaskRef task = target_.Take()) {
      uids.push_back(task->accepted_record()->uid);
      taken_.push_back(task);
    }
    return uids;
  }

  bool Run(TaskRef, const Dispatch&) override { return false; }
  void EndUnstarted(TaskRef task, TaskState, absl::string_view reason) override {
    ended_.emplace_back(task->accepted_record()->uid, std::string(reason));
  }
  void AttemptStarted(Task&) override {}
  void AttemptEnded(TaskRef task, AttemptEnd end) override {
    EXPECT_TRUE(end.lost);
    EXPECT_EQ(task->phase(), TaskPhase::kRunning);
    lost_.push_back(std::move(task));
  }

  FakeClock clock_;
  FakeTimer timer_{clock_};
  SeededRandom random_{1};
  UuidSequence uuids_{random_};
  FakeHandlers handlers_;
  FakeReleaseTarget target_{1000};
  TaskQueues queues_;
  LiveTasks live_;
  WaitStarter waits_{clock_, timer_, queues_, *this};
  std::vector<TaskRef> lost_;
  std::vector<TaskRef> taken_;
  std::vector<std::pair<Uuid, std::string>> ended_;
};

TEST_F(RecoveryTest, WhatWaitedWaitsInItsOrder) {
  const auto a = Record(TaskState::kQueued);
  const auto b = Record(TaskState::kQueued);
  const auto c = Record(TaskState::kQueued);
  const RecoveryReport report = Recover({a, b, c});
  EXPECT_EQ(report.queued, 3u);
  EXPECT_EQ(report.tasks(), 3u);
  EXPECT_THAT(Released(), ElementsAre(a->uid, b->uid, c->uid));
  EXPECT_TRUE(live_.Find(a->name()));
}

TEST_F(RecoveryTest, MoreThanTheQueueHoldsAreKeptAndNewOnesRefused) {
  Recover({Record(TaskState::kQueued), Record(TaskState::kQueued), Record(TaskState::kQueued)});
  EXPECT_EQ(queues_.Stats().queues[0].tasks, 3u);
  EXPECT_TRUE(absl::IsResourceExhausted(queues_.Admit("default", 1).status()));
}

TEST_F(RecoveryTest, WhatRanLosesItsAttempt) {
  const auto first = Record(TaskState::kRunning);
  const auto second = Record(TaskState::kRunning);
  const RecoveryReport report = Recover({first, second});
  EXPECT_EQ(report.running, 2u);
  ASSERT_EQ(lost_.size(), 2u);
  // Each goes to the front: the last first.
  EXPECT_EQ(lost_[0]->accepted_record()->uid, second->uid);
  EXPECT_EQ(lost_[1]->accepted_record()->uid, first->uid);
  EXPECT_THAT(Released(), IsEmpty());
}

TEST_F(RecoveryTest, WhatIsScheduledWaitsForItsTime) {
  const auto record = Record(TaskState::kScheduled);
  record->history.Edit().next_attempt_time = clock_.Now() + absl::Seconds(10);
  EXPECT_EQ(Recover({record}).scheduled, 1u);
  EXPECT_THAT(Released(), IsEmpty());
  clock_.Advance(absl::Seconds(10));
  EXPECT_THAT(Released(), ElementsAre(record->uid));
}

TEST_F(RecoveryTest, ATimeThatPassedMeanwhileIsNow) {
  const auto record = Record(TaskState::kScheduled);
  record->history.Edit().next_attempt_time = clock_.Now() - absl::Hours(1);
  Recover({record});
  clock_.Advance(absl::ZeroDuration());
  EXPECT_THAT(Released(), ElementsAre(record->uid));
}

TEST_F(RecoveryTest, AQueueTimeoutCountsFromTheAcceptance) {
  const auto record = Record(TaskState::kQueued);
  auto spec = MakeRef<TaskSpec>(*record->spec);
  spec->terms.Edit().queue_timeout = absl::Minutes(10);
  record->spec = std::move(spec);
  record->create_time = clock_.Now() - absl::Minutes(9);
  Recover({record});
  clock_.Advance(absl::Seconds(59));
  EXPECT_THAT(ended_, IsEmpty());
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(ended_, ElementsAre(std::pair(record->uid, std::string("QUEUE_TIMEOUT"))));
}

TEST_F(RecoveryTest, AQueueThatIsNotConfiguredIsMade) {
  const auto record = Record(TaskState::kQueued, "mail");
  EXPECT_THAT(Recover({record}).made_queues, ElementsAre("mail"));
  EXPECT_THAT(Released(), ElementsAre(record->uid));
}

TEST_F(RecoveryTest, NewTasksComeAfterTheOld) {
  const auto record = Record(TaskState::kQueued);
  record->uid.high += uint64_t{3'600'000} << 16;  // Accepted when the clock was an hour ahead.
  Recover({record});
  EXPECT_LT(record->uid, uuids_.Next(clock_.Now()));
}

}  // namespace
}  // namespace taskforge

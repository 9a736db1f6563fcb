#include "queues/task_queues.h"

#include <set>

#include "base/error.h"
#include "queues_fixture.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kBack = TaskSink::Position::kBack;

class FakeLanes final : public LaneDirectory {
 public:
  bool IsRemote(absl::string_view handler) const override {
    return remote.count(std::string(handler)) > 0;
  }
  std::set<std::string> remote;
};

TaskQueuesOptions TwoQueues() {
  QueueOptions mail;
  mail.name = "mail";
  mail.max_tasks = 2;
  mail.default_priority = Priority::kHigh;
  return {{mail}};
}

class TaskQueuesTest : public QueuesFixture {
 protected:
  TaskQueuesTest() { lanes_.remote = {"resize"}; }
  ~TaskQueuesTest() override { target_.Clear(); }

  TaskRef Admitted(const std::string& id, const std::string& queue = "default",
                   const std::string& handler = "echo") {
    absl::StatusOr<Admission> admission = queues_.Admit(queue, 100);
    EXPECT_TRUE(admission.ok());
    return Make(id, Priority::kNormal, handler, std::move(admission).value());
  }
  QueueStats StatsOf(const std::string& queue) {
    for (const QueueStats& stats : queues_.Stats().queues) {
      if (stats.options.name == queue) return stats;
    }
    return {};
  }

  FakeLanes lanes_;
  FakeReleaseTarget target_{1};
  TaskQueues queues_{TwoQueues(), clock_, lanes_, target_};
};

TEST_F(TaskQueuesTest, TheDefaultQueueIsAlwaysThere) {
  EXPECT_THAT(queues_.Labels(), ElementsAre("default", "mail"));
  EXPECT_EQ(queues_.Look("default")->default_priority, std::nullopt);
  EXPECT_EQ(queues_.Look("mail")->default_priority, Priority::kHigh);
  EXPECT_EQ(queues_.Look("other"), std::nullopt);
}

TEST_F(TaskQueuesTest, AConfiguredDefaultQueueIsNotAddedTwice) {
  QueueOptions options;
  options.max_tasks = 7;
  TaskQueues queues({{options}}, clock_, lanes_, target_);
  ASSERT_THAT(queues.Stats().queues, SizeIs(1));
  EXPECT_EQ(queues.Stats().queues[0].options, options);
}

TEST_F(TaskQueuesTest, RefusesAnUnknownQueueByName) {
  const absl::Status status = queues_.Admit("other", 1).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(DetailsOf(status).reason, "QUEUE_UNKNOWN");
  EXPECT_THAT(status.message(), HasSubstr("default, mail"));
}

TEST_F(TaskQueuesTest, LimitsAreOfEachQueue) {
  const TaskRef a = Admitted("a", "mail");
  const TaskRef b = Admitted("b", "mail");
  EXPECT_EQ(DetailsOf(queues_.Admit("mail", 1).status()).reason, "QUEUE_FULL");
  EXPECT_TRUE(queues_.Admit("default", 1).ok());
}

TEST_F(TaskQueuesTest, AnAdmissionGivesItsPlaceBackWhenItGoes) {
  {
    const absl::StatusOr<Admission> admission = queues_.Admit("mail", 100);
    EXPECT_EQ(StatsOf("mail").tasks, 1u);
    EXPECT_EQ(StatsOf("mail").bytes, 100u);
  }
  EXPECT_EQ(StatsOf("mail").tasks, 0u);
  EXPECT_EQ(StatsOf("mail").bytes, 0u);
}

TEST_F(TaskQueuesTest, LocalTasksAreReleasedAndRemoteOnesWaitForAClaim) {
  const TaskRef local = Admitted("l");
  const TaskRef remote = Admitted("r", "default", "resize");
  queues_.Enqueue(local, kBack);
  queues_.Enqueue(remote, kBack);
  EXPECT_TRUE(target_.Take() == local);
  EXPECT_FALSE(target_.Take());
  EXPECT_THAT(Names(queues_.Claim({"resize"}, 10)), ElementsAre("r"));
}

TEST_F(TaskQueuesTest, TellsWhenARemoteLaneGetsWork) {
  std::vector<std::string> told;
  queues_.SetLaneListener([&told](absl::string_view handler) { told.emplace_back(handler); });
  queues_.Enqueue(Admitted("l"), kBack);
  queues_.Enqueue(Admitted("r", "default", "resize"), kBack);
  const TaskRef cancelled = Admitted("c", "default", "resize");
  cancelled->TryAdvance(TaskPhase::kQueued, TaskPhase::kCancelling);
  queues_.Enqueue(cancelled, kBack);
  EXPECT_THAT(told, ElementsAre("resize"));
}

TEST_F(TaskQueuesTest, AListenerMayClaim) {
  std::vector<std::string> claimed;
  queues_.SetLaneListener([&](absl::string_view handler) {
    for (const TaskRef& task : queues_.Claim({std::string(handler)}, 1)) {
      claimed.push_back(IdOf(*task));
    }
  });
  queues_.Enqueue(Admitted("r", "default", "resize"), kBack);
  EXPECT_THAT(claimed, ElementsAre("r"));
}

TEST_F(TaskQueuesTest, RemovesFromEitherKindOfLane) {
  queues_.Enqueue(Admitted("released"), kBack);
  const TaskRef local = Admitted("l");
  const TaskRef remote = Admitted("r", "default", "resize");
  queues_.Enqueue(local, kBack);
  queues_.Enqueue(remote, kBack);
  EXPECT_TRUE(queues_.Remove(*local));
  EXPECT_TRUE(queues_.Remove(*remote));
  EXPECT_FALSE(queues_.Remove(*local));
  EXPECT_THAT(queues_.Claim({"resize"}, 10), IsEmpty());
}

TEST_F(TaskQueuesTest, LooksForMoreUrgentTasksWhereATaskWaits) {
  const TaskRef local = Make("local", Priority::kLow);
  const TaskRef remote = Make("remote", Priority::kLow, 0, "resize");
  queues_.Enqueue(local, kBack);
  queues_.Enqueue(remote, kBack);
  queues_.Enqueue(Make("urgent", Priority::kHigh), kBack);
  EXPECT_EQ(queues_.WhyWaits(*local), WaitReason::kPriority);
  EXPECT_EQ(queues_.WhyWaits(*remote), WaitReason::kQueue);
}

TEST_F(TaskQueuesTest, AQueueCanBeMadeUsedAndDeleted) {
  QueueOptions reports;
  reports.name = "reports";
  reports.max_tasks = 1;
  ASSERT_TRUE(queues_.Create(reports).ok());
  EXPECT_EQ(queues_.Get("reports")->options, reports);
  EXPECT_EQ(queues_.Look("reports")->label, 2u);
  {
    TaskRef task = Admitted("a", "reports");
    EXPECT_EQ(queues_.NameOf(task->queue_index()).view(), "reports");
    queues_.Enqueue(task, kBack);
    EXPECT_EQ(queues_.Get("reports")->tasks, 1u);
    EXPECT_EQ(DetailsOf(queues_.Delete("reports")).reason, "QUEUE_NOT_EMPTY");
    EXPECT_TRUE(target_.Take() == task);
  }
  EXPECT_TRUE(queues_.Delete("reports").ok());
  EXPECT_EQ(DetailsOf(queues_.Admit("reports", 1).status()).reason, "QUEUE_UNKNOWN");
  EXPECT_EQ(queues_.Get("reports").status().code(), absl::StatusCode::kNotFound);
}

// Tasks that wait in a queue with an index that is higher than all before.
TEST_F(TaskQueuesTest, NewQueuesTakeTurnsWithTheOldOnes) {
  queues_.Enqueue(Admitted("released"), kBack);
  for (int i = 0; i < 2; ++i) queues_.Enqueue(Admitted(absl::StrCat("d", i)), kBack);
  QueueOptions late;
  late.name = "late";
  ASSERT_TRUE(queues_.Create(late).ok());
  for (int i = 0; i < 2; ++i) queues_.Enqueue(Admitted(absl::StrCat("l", i), "late"), kBack);
  std::vector<std::string> order;
  while (const TaskRef task = target_.Take()) {
    order.push_back(IdOf(*task));
    queues_.Refill(Priority::kNormal);
  }
  EXPECT_THAT(order, ElementsAre("released", "d0", "l0", "d1", "l1"));
}

TEST_F(TaskQueuesTest, LimitsChangeAtOnce) {
  QueueUpdate update;
  update.max_tasks = 1;
  update.default_priority = Priority::kLow;
  ASSERT_TRUE(queues_.Update("mail", update).ok());
  EXPECT_EQ(queues_.Look("mail")->default_priority, Priority::kLow);
  const TaskRef task = Admitted("a", "mail");
  EXPECT_EQ(DetailsOf(queues_.Admit("mail", 1).status()).reason, "QUEUE_FULL");
}

TEST_F(TaskQueuesTest, QueuesBeyondTheFirstShareALabel) {
  for (int i = 0; i < 20; ++i) {
    QueueOptions options;
    options.name = absl::StrCat("q", i);
    ASSERT_TRUE(queues_.Create(options).ok());
  }
  EXPECT_THAT(queues_.Labels(), SizeIs(16));
  EXPECT_EQ(queues_.Look("q13")->label, 15u);
  EXPECT_EQ(queues_.Look("q14")->label, 16u);
  EXPECT_EQ(queues_.Look("q19")->label, 16u);
}

TEST_F(TaskQueuesTest, APausedQueueAcceptsAndNothingOfItLeaves) {
  std::vector<std::string> told;
  queues_.SetLaneListener([&told](absl::string_view handler) { told.emplace_back(handler); });
  ASSERT_TRUE(queues_.Pause("mail", "the mail server is down").ok());
  EXPECT_EQ(queues_.Get("mail")->options.paused.reason, "the mail server is down");
  EXPECT_EQ(queues_.Get("mail")->options.paused.time, clock_.Now());
  const TaskRef local = Admitted("l", "mail");
  const TaskRef remote = Admitted("r", "mail", "resize");
  queues_.Enqueue(local, kBack);
  queues_.Enqueue(remote, kBack);
  EXPECT_FALSE(target_.Take());
  EXPECT_THAT(queues_.Claim({"resize"}, 9), IsEmpty());
  EXPECT_THAT(told, IsEmpty());
  EXPECT_EQ(queues_.WhyWaits(*local), WaitReason::kPaused);
  EXPECT_EQ(queues_.WhyWaits(*remote), WaitReason::kPaused);
  EXPECT_EQ(StatsOf("mail").waiting[Priority::kNormal], 2u);
  EXPECT_EQ(queues_.Stats().lanes[0].held[Priority::kNormal], 1u);

  ASSERT_TRUE(queues_.Resume("mail", "it is back").ok());
  EXPECT_EQ(queues_.Get("mail")->options.resumed.reason, "it is back");
  EXPECT_TRUE(target_.Take() == local);
  EXPECT_THAT(told, ElementsAre("resize"));
  EXPECT_THAT(Names(queues_.Claim({"resize"}, 9)), ElementsAre("r"));
}

TEST_F(TaskQueuesTest, WhatWasReleasedBeforeAPauseGoesBack) {
  const TaskRef task = Admitted("a", "mail");
  queues_.Enqueue(task, kBack);
  EXPECT_FALSE(queues_.TakeBack(task)) << "it may start";
  ASSERT_TRUE(queues_.Pause("mail", "").ok());
  const MonoTime enqueued = task->enqueued;
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(queues_.TakeBack(target_.Take()));
  EXPECT_EQ(task->enqueued, enqueued) << "its wait is measured from the first time";
  EXPECT_FALSE(target_.Take());
  ASSERT_TRUE(queues_.Resume("mail", "").ok());
  EXPECT_TRUE(target_.Take() == task);
}

TEST_F(TaskQueuesTest, StampsWhenATaskWasEnqueued) {
  const TaskRef task = Admitted("a");
  clock_.Advance(absl::Seconds(2));
  queues_.Enqueue(task, kBack);
  EXPECT_EQ(task->enqueued, clock_.Monotonic());
}

TEST_F(TaskQueuesTest, StatsCountWhatWaitsByQueueAndPriority) {
  queues_.Enqueue(Admitted("released"), kBack);
  queues_.Enqueue(Admitted("w1"), kBack);
  queues_.Enqueue(Admitted("w2", "mail"), kBack);
  queues_.Enqueue(Admitted("r", "mail", "resize"), kBack);
  clock_.Advance(absl::Seconds(4));
  EXPECT_EQ(StatsOf("default").waiting[Priority::kNormal], 1u);
  EXPECT_EQ(StatsOf("mail").waiting[Priority::kNormal], 2u);
  EXPECT_EQ(StatsOf("mail").oldest_age[Priority::kNormal], absl::Seconds(4));
  EXPECT_EQ(StatsOf("default").tasks, 2u);
  const TaskQueuesStats stats = queues_.Stats();
  ASSERT_THAT(stats.lanes, SizeIs(2));
  EXPECT_EQ(stats.lanes[0].handler, "");
  EXPECT_EQ(stats.lanes[0].waiting[Priority::kNormal], 2u);
  EXPECT_EQ(stats.lanes[1].handler, "resize");
}

TEST_F(TaskQueuesTest, TheOldestLocalWaitIsOfWhatIsAsUrgentOrMore) {
  EXPECT_EQ(queues_.OldestLocalWait(Priority::kLow), absl::ZeroDuration());
  for (const Priority priority : {Priority::kLow, Priority::kHigh}) {
    queues_.Enqueue(Make("released", priority), kBack);
  }
  const TaskRef oldest = Make("oldest", Priority::kHigh, 1);
  queues_.Enqueue(oldest, kBack);
  clock_.Advance(absl::Seconds(1));
  queues_.Enqueue(Make("remote", Priority::kCritical, 0, "resize"), kBack);
  clock_.Advance(absl::Seconds(2));
  queues_.Enqueue(Make("later", Priority::kHigh), kBack);
  queues_.Enqueue(Make("low", Priority::kLow), kBack);
  EXPECT_EQ(queues_.OldestLocalWait(Priority::kCritical), absl::ZeroDuration());
  EXPECT_EQ(queues_.OldestLocalWait(Priority::kHigh), absl::Seconds(3));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(queues_.OldestLocalWait(Priority::kLow), absl::Seconds(4));
  EXPECT_TRUE(queues_.Remove(*oldest));
  EXPECT_EQ(queues_.OldestLocalWait(Priority::kLow), absl::Seconds(1));
}

TEST_F(TaskQueuesTest, QueuesShareTheLocalLaneFairly) {
  queues_.Enqueue(Admitted("released"), kBack);
  for (int i = 0; i < 3; ++i) queues_.Enqueue(Admitted(absl::StrCat("d", i)), kBack);
  for (int i = 0; i < 2; ++i) queues_.Enqueue(Admitted(absl::StrCat("m", i), "mail"), kBack);
  std::vector<std::string> order;
  while (const TaskRef task = target_.Take()) {
    order.push_back(IdOf(*task));
    queues_.Refill(Priority::kNormal);
  }
  EXPECT_THAT(order, ElementsAre("released", "d0", "m0", "d1", "m1", "d2"));
}

}  // namespace
}  // namespace taskforge

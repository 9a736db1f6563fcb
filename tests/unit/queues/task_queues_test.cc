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
      if (stats.name == queue) return stats;
    }
    return {};
  }

  FakeLanes lanes_;
  FakeReleaseTarget target_{1};
  TaskQueues queues_{TwoQueues(), clock_, lanes_, target_};
};

TEST_F(TaskQueuesTest, TheDefaultQueueIsAlwaysThere) {
  EXPECT_THAT(queues_.names(), ElementsAre("default", "mail"));
  EXPECT_EQ(queues_.DefaultPriority("default"), std::nullopt);
  EXPECT_EQ(queues_.DefaultPriority("mail"), Priority::kHigh);
  EXPECT_EQ(queues_.DefaultPriority("other"), std::nullopt);
}

TEST_F(TaskQueuesTest, AConfiguredDefaultQueueIsNotAddedTwice) {
  QueueOptions options;
  options.max_tasks = 7;
  TaskQueues queues({{options}}, clock_, lanes_, target_);
  EXPECT_THAT(queues.names(), ElementsAre("default"));
  EXPECT_EQ(queues.Stats().queues[0].max_tasks, 7u);
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
  EXPECT_TRUE(queues_.HasMoreUrgent(*local));
  EXPECT_FALSE(queues_.HasMoreUrgent(*remote));
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

TEST(TaskQueuesOptionsTest, ReportsEveryErrorAtOnce) {
  QueueOptions bad;
  bad.name = "Bad";
  bad.max_tasks = 0;
  bad.max_bytes = 0;
  TaskQueuesOptions options;
  options.queues = {bad, bad};
  EXPECT_THAT(options.Validate(), SizeIs(7));
  EXPECT_THAT(TwoQueues().Validate(), IsEmpty());
  options.queues.assign(65, QueueOptions());
  EXPECT_THAT(options.Validate(), ::testing::Contains(HasSubstr("at most 64")));
}

}  // namespace
}  // namespace taskforge

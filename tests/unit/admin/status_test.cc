#include "admin/status.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;
using Level = StatusVerdict::Level;

StatusSnapshot Idle() {
  StatusSnapshot snapshot;
  snapshot.pool.max = 8;
  snapshot.pool.idle = 2;
  StatusSnapshot::Queue queue;
  queue.name = "default";
  queue.tasks_limit = 100;
  queue.bytes_limit = 1000;
  snapshot.queues.push_back(queue);
  return snapshot;
}

TEST(JudgeTest, IsGoodWhenNothingWaits) { EXPECT_EQ(Judge(Idle()).level, Level::kGood); }

TEST(JudgeTest, IsBusyWhenTasksWaitOrEveryThreadWorks) {
  StatusSnapshot waits = Idle();
  waits.queues[0].waiting = 3;
  waits.queues[0].oldest_age = absl::Seconds(1);
  EXPECT_EQ(Judge(waits).level, Level::kBusy);
  StatusSnapshot works = Idle();
  works.pool.busy = 5;
  works.pool.blocked = 3;
  EXPECT_EQ(Judge(works).level, Level::kBusy);
  StatusSnapshot draining = Idle();
  draining.draining = true;
  EXPECT_EQ(Judge(draining).level, Level::kBusy);
}

TEST(JudgeTest, IsBusyWhileTheProcessorsAreOverloaded) {
  StatusSnapshot snapshot = Idle();
  snapshot.pool.overloaded = true;
  EXPECT_EQ(Judge(snapshot).level, Level::kBusy);
  EXPECT_THAT(Judge(snapshot).text, HasSubstr("more threads would not help"));
}

TEST(JudgeTest, IsBehindWhenAQueueIsNearlyFull) {
  StatusSnapshot tasks = Idle();
  tasks.queues[0].waiting = 80;
  tasks.queues[0].running = 10;
  EXPECT_EQ(Judge(tasks).level, Level::kBehind);
  EXPECT_THAT(Judge(tasks).text, HasSubstr("default is 90 % full"));
  StatusSnapshot bytes = Idle();
  bytes.queues[0].bytes = 900;
  EXPECT_EQ(Judge(bytes).level, Level::kBehind);
}

TEST(JudgeTest, IsBehindWhenATaskWaitsForLongUnlessItsQueueIsPaused) {
  StatusSnapshot snapshot = Idle();
  snapshot.queues[0].waiting = 1;
  snapshot.queues[0].oldest_age = absl::Milliseconds(12345);
  EXPECT_EQ(Judge(snapshot).level, Level::kBehind);
  EXPECT_THAT(Judge(snapshot).text, HasSubstr("default has waited for 12s"));
  snapshot.queues[0].paused = true;
  EXPECT_EQ(Judge(snapshot).level, Level::kGood);
}

// The page reads these names: a change here is a change there.
TEST(StatusJsonTest, HasEveryFieldAndEscapesNames) {
  StatusSnapshot snapshot = Idle();
  snapshot.version = "0.1.0";
  snapshot.grpc_address = "127.0.0.1:7480";
  snapshot.uptime = absl::Milliseconds(1500);
  snapshot.submitted_total = 7;
  snapshot.queues[0].name = "a\"</script>";
  snapshot.priorities.push_back({"high", 1, 2, absl::Microseconds(80), std::nullopt});
  snapshot.pool.resizes.push_back({absl::FromUnixSeconds(9), 2, 3, "queue waits"});
  snapshot.handlers.push_back({"echo", "builtin", 5, 6});
  EXPECT_EQ(
      StatusJson(snapshot),
      R"({"verdict":{"level":"good","text":"Nothing waits."},"version":"0.1.0",)"
      R"("grpc_address":"127.0.0.1:7480","uptime":1.5,"draining":false,"submitted_total":7,)"
      R"("rejected_total":0,"succeeded_total":0,"failed_total":0,"cancelled_total":0,)"
      R"("expired_total":0,"workers":0,"priorities":[{"name":"high","waiting":1,)"
      R"("started_total":2,"wait_p50":8e-05,"wait_p99":null}],"pool":{"busy":0,"idle":2,)"
      R"("blocked":0,"target":0,"min":0,"max":8,"cpu_limit_cores":0,"overloaded":false,)"
      R"("resizes":[{"time":9,"from":2,"to":3,"reason":"queue waits"}]},"queues":[{"name":"a\"</script>",)"
      R"("waiting":0,"running":0,"tasks_limit":100,"bytes":0,"bytes_limit":1000,)"
      R"("paused":false,"oldest_age":null}],"handlers":[{"name":"echo","kind":"builtin",)"
      R"("succeeded_total":5,"failed_total":6}],"bus":{"subscribers":0,"published_total":0,)"
      R"("delivered_total":0,"dropped_total":0}})");
}

}  // namespace
}  // namespace taskforge

#include "cli/schedule_view.h"

#include "cli/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Schedule Nightly() {
  v1::Schedule schedule;
  schedule.set_name("schedules/nightly");
  schedule.set_cron("0 2 * * *");
  schedule.set_time_zone("Europe/Berlin");
  schedule.set_overlap_policy(v1::OVERLAP_POLICY_QUEUE_ONE);
  schedule.set_missed_run_policy(v1::MISSED_RUN_POLICY_RUN_ONCE);
  schedule.set_queue("queues/mail");
  schedule.mutable_task()->set_handler("echo");
  schedule.set_state(v1::SCHEDULE_STATE_ACTIVE);
  SetTime(absl::FromUnixSeconds(1'767'225'600), *schedule.add_next_run_times());
  SetTime(absl::FromUnixSeconds(1'767'312'000), *schedule.add_next_run_times());
  schedule.set_started_runs(1234);
  schedule.set_skipped_runs(5);
  schedule.set_missed_runs(6);
  schedule.set_effective_durability(v1::DURABILITY_DURABLE);
  return schedule;
}

std::string Row(const v1::Schedule& schedule) {
  Table table = ScheduleTable();
  AddScheduleRow(schedule, table);
  return table.Render(false);
}

TEST(ScheduleViewTest, ARowSaysWhenItRunsAndWhatBecameOfIt) {
  const std::string row = Row(Nightly());
  EXPECT_THAT(row, HasSubstr("nightly "));
  EXPECT_THAT(row, Not(HasSubstr("schedules/")));
  EXPECT_THAT(row, HasSubstr("0 2 * * * Europe/Berlin"));
  EXPECT_THAT(row, HasSubstr("1,234"));
  EXPECT_THAT(row, HasSubstr("active"));
}

TEST(ScheduleViewTest, APausedOneSaysWhy) {
  v1::Schedule schedule = Nightly();
  schedule.set_state(v1::SCHEDULE_STATE_PAUSED);
  schedule.clear_next_run_times();
  schedule.mutable_last_pause()->set_reason("holidays\x1b[31m");
  EXPECT_THAT(Row(schedule), HasSubstr("paused (holidays"));
  EXPECT_THAT(Row(schedule), Not(HasSubstr("\x1b")));
  EXPECT_THAT(DescribeSchedule(schedule), HasSubstr("state        paused (holidays"));
  EXPECT_THAT(DescribeSchedule(schedule), Not(HasSubstr("next runs")));
}

TEST(ScheduleViewTest, ADescriptionSaysAllOfIt) {
  v1::Schedule schedule = Nightly();
  SetTime(absl::FromUnixSeconds(1'767'000'000), *schedule.mutable_last_run_time());
  schedule.set_last_task("queues/mail/tasks/nightly-20251229t092000z");
  SetTime(absl::FromUnixSeconds(1'767'000'060), *schedule.mutable_waiting_run_time());
  schedule.mutable_last_refusal()->set_message("the queue is full");
  const std::string text = DescribeSchedule(schedule);
  for (const char* part :
       {"overlap      queue-one\n", "missed runs  run-once\n",
        "task         echo, in queues/mail\n", "runs         1,234 started, 5 skipped, 6 missed\n",
        "(queues/mail/tasks/nightly-20251229t092000z)\n", "waiting run  ", ": the queue is full\n",
        "kept         durable\n", "next runs    "}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(ScheduleViewTest, AnIntervalIsOneOfTime) {
  v1::Schedule schedule;
  schedule.mutable_interval()->set_seconds(90);
  EXPECT_THAT(DescribeSchedule(schedule), HasSubstr("when         every 1m30s\n"));
}

TEST(ScheduleViewTest, PoliciesHaveTheNamesThatAreShown) {
  EXPECT_EQ(ParseOverlap("skip"), v1::OVERLAP_POLICY_SKIP);
  EXPECT_EQ(ParseOverlap("queue-one"), v1::OVERLAP_POLICY_QUEUE_ONE);
  EXPECT_EQ(ParseOverlap("allow"), v1::OVERLAP_POLICY_ALLOW);
  EXPECT_EQ(ParseOverlap("never"), std::nullopt);
  EXPECT_EQ(ParseMissed("skip"), v1::MISSED_RUN_POLICY_SKIP);
  EXPECT_EQ(ParseMissed("run-once"), v1::MISSED_RUN_POLICY_RUN_ONCE);
  EXPECT_EQ(ParseMissed(""), std::nullopt);
}

}  // namespace
}  // namespace taskforge::cli

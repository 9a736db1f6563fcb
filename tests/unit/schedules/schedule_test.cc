#include "schedules/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "schedules/schedule_codec.h"
#include "task/spec_hash.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

const absl::Time kNow = absl::FromUnixSeconds(1'767'225'600);

ScheduleSettings Nightly() {
  ScheduleSettings settings;
  settings.id = "nightly";
  settings.cron = "0 2 * * *";
  settings.time_zone = "Europe/Berlin";
  settings.task.handler = "echo";
  return settings;
}

std::set<std::string> WrongFields(const ScheduleSettings& settings) {
  std::set<std::string> fields;
  for (const FieldViolation& violation : settings.Validate(TaskLimits(), kNow)) {
    fields.insert(violation.field);
  }
  return fields;
}

TEST(ScheduleTest, TellsAllThatIsWrongAtOnce) {
  EXPECT_TRUE(WrongFields(Nightly()).empty());
  ScheduleSettings settings = Nightly();
  settings.id = "Nightly";
  settings.cron = "0 25 * * *";
  settings.time_zone = "Europe/Bärlin";
  settings.task.queue = "Mail";
  settings.task.handler = "Echo";
  settings.task.cancel_on_disconnect = true;
  settings.task.terms.Edit().schedule_time = kNow;
  settings.task.terms.Edit().deadline = kNow - absl::Seconds(1);
  EXPECT_THAT(
      WrongFields(settings),
      UnorderedElementsAre("name", "cron", "time_zone", "queue", "task.handler",
                           "task.cancel_on_disconnect", "task.schedule_time", "task.deadline"));
}

TEST(ScheduleTest, WantsEitherCronOrInterval) {
  ScheduleSettings settings = Nightly();
  settings.interval = absl::Seconds(5);
  EXPECT_THAT(WrongFields(settings), UnorderedElementsAre("cron"));
  settings.cron.clear();
  EXPECT_THAT(WrongFields(settings), UnorderedElementsAre("time_zone"));
  settings.time_zone.clear();
  EXPECT_TRUE(WrongFields(settings).empty());
  for (const absl::Duration interval : {absl::Milliseconds(999), absl::Milliseconds(1500),
                                        absl::Hours(24 * 367), -absl::Seconds(1)}) {
    settings.interval = interval;
    EXPECT_THAT(WrongFields(settings), UnorderedElementsAre("interval")) << interval;
  }
  settings.interval = absl::ZeroDuration();
  EXPECT_THAT(WrongFields(settings), UnorderedElementsAre("cron"));
}

// The longest id, with an instant behind it, is the id of a task still.
TEST(ScheduleTest, ARunsIdsFollowFromScheduleAndInstant) {
  ScheduleRecord schedule;
  schedule.settings = Nightly();
  schedule.uid = {7, 9};
  const TaskSpec run = RunSpec(schedule, kNow);
  EXPECT_EQ(run.origin->task_id, "nightly-20260101t000000z");
  EXPECT_EQ(run.origin->request_id, RunSpec(schedule, kNow).origin->request_id);
  EXPECT_NE(run.origin->request_id, RunSpec(schedule, kNow + absl::Seconds(1)).origin->request_id);
  schedule.uid = {7, 10};
  EXPECT_NE(run.origin->request_id, RunSpec(schedule, kNow).origin->request_id);

  schedule.settings.id = std::string(kMaxScheduleIdBytes, 'a');
  EXPECT_TRUE(IsScheduleId(schedule.settings.id));
  EXPECT_TRUE(IsTaskId(RunSpec(schedule, kNow).origin->task_id));
  EXPECT_LE(RunSpec(schedule, kNow).origin->request_id.size(), kMaxRequestIdBytes);
  EXPECT_FALSE(IsScheduleId(std::string(kMaxScheduleIdBytes + 1, 'a')));
}

TEST(ScheduleTest, AnUpdateChangesWhatItNames) {
  ScheduleSettings settings = Nightly();
  settings.task.queue = "mail";
  ScheduleUpdate update;
  update.overlap = OverlapPolicy::kAllow;
  update.ApplyTo(settings);
  EXPECT_EQ(settings.overlap, OverlapPolicy::kAllow);
  EXPECT_EQ(settings.cron, "0 2 * * *");
  EXPECT_FALSE(update.changes_recurrence());

  update = {};
  update.task.emplace().handler = "sleep";
  update.interval = absl::Seconds(90);
  update.ApplyTo(settings);
  EXPECT_EQ(absl::string_view(settings.task.handler), "sleep");
  EXPECT_EQ(absl::string_view(settings.task.queue), "mail");
  EXPECT_EQ(settings.interval, absl::Seconds(90));
  EXPECT_TRUE(WrongFields(settings).empty());  // The cron expression and its zone have gone.

  update = {};
  update.cron = "@daily";
  update.time_zone = "UTC";
  update.queue = "other";
  update.ApplyTo(settings);
  EXPECT_TRUE(WrongFields(settings).empty());
  EXPECT_EQ(absl::string_view(settings.task.queue), "other");
}

TEST(ScheduleTest, ComesBackFromItsBytes) {
  ScheduleRecord schedule;
  schedule.settings = Nightly();
  schedule.settings.overlap = OverlapPolicy::kQueueOne;
  schedule.settings.missed = MissedRunPolicy::kRunOnce;
  schedule.settings.has_priority = true;
  schedule.settings.has_retry_policy = true;
  schedule.settings.task.priority = Priority::kHigh;
  schedule.settings.task.input.data = "bytes";
  schedule.settings.task.terms.Edit().labels["a"] = "b";
  schedule.settings.task.origin.Edit().principal = "ops";
  schedule.uid = {1, 2};
  schedule.create_time = kNow;
  schedule.update_time = kNow + absl::Seconds(1);
  schedule.effective_from = kNow + absl::Seconds(2);
  schedule.anchor = kNow + absl::Seconds(3);
  schedule.is_paused = true;
  schedule.paused = {kNow, "why"};
  const absl::StatusOr<ScheduleRecord> back = DecodeSchedule(EncodeSchedule(schedule));
  ASSERT_TRUE(back.ok()) << back.status();
  // Equal bytes are equal schedules.
  EXPECT_EQ(EncodeSchedule(*back), EncodeSchedule(schedule));
  EXPECT_EQ(HashOf(back->settings.task), HashOf(schedule.settings.task));
  EXPECT_EQ(back->settings.task.origin->principal, "ops");
  EXPECT_EQ(back->resumed.time, absl::InfinitePast());
  EXPECT_EQ(back->anchor, schedule.anchor);
  EXPECT_TRUE(back->settings.has_retry_policy);
  EXPECT_EQ(back->paused.reason, "why");

  ScheduleRuns runs{kNow, kNow + absl::Seconds(1), absl::InfinitePast(), kNow, "task", 1, 2, 3};
  const absl::StatusOr<KeptScheduleRuns> kept =
      DecodeScheduleRuns(EncodeScheduleRuns(schedule.uid, runs));
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->uid, schedule.uid);
  EXPECT_EQ(kept->runs, runs);
}

TEST(ScheduleTest, DamagedBytesAreTold) {
  ScheduleRecord schedule;
  schedule.settings = Nightly();
  schedule.create_time = schedule.update_time = kNow;
  schedule.effective_from = schedule.anchor = kNow;
  const std::string bytes = EncodeSchedule(schedule);
  for (const std::string& damaged :
       {std::string("\xff"), bytes.substr(0, bytes.size() / 2), std::string()}) {
    EXPECT_EQ(DecodeSchedule(damaged).status().code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(DecodeScheduleRuns("\xff").status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace taskforge

#include "schedules/schedules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/schedules/schedules_fixture.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ScheduleRuns RunsOf(uint64_t started) {
  ScheduleRuns runs;
  runs.started = started;
  return runs;
}

class SchedulesTest : public ::testing::Test {
 protected:
  SchedulesTest() { Restart(); }
  ~SchedulesTest() override { tasks_.FinishAll(); }

  // The server ends; nothing that it had set comes. Its tasks live on, and tell it of their end.
  void Die() {
    if (schedules_ == nullptr) return;
    schedules_->Stop();
    former_.push_back(std::move(schedules_));
    timer_.reset();
  }
  // Another life of the server, over what is on the disk.
  void Restart() {
    Die();
    timer_ = std::make_unique<FakeTimer>(clock_);
    schedules_ = std::make_unique<Schedules>(
        TaskLimits(), Schedules::Parts{clock_, *timer_, uuids_, tasks_, store_, find_});
    const absl::Status status = schedules_->Load(SimScheduleStore::Read(disk_));
    ASSERT_TRUE(status.ok()) << status;
    schedules_->Start();
    clock_.Advance(absl::ZeroDuration());
  }
  absl::Status Create(ScheduleSettings settings) {
    absl::Status status = absl::UnknownError("not answered");
    schedules_->Create(std::move(settings),
                       [&](const absl::StatusOr<ScheduleView>& view) { status = view.status(); });
    return status;
  }
  void CreateOk(ScheduleSettings settings) {
    const absl::Status status = Create(std::move(settings));
    ASSERT_TRUE(status.ok()) << status;
  }
  absl::Status Update(const ScheduleUpdate& update) {
    absl::Status status = absl::UnknownError("not answered");
    schedules_->Update("often", update,
                       [&](const absl::StatusOr<ScheduleView>& view) { status = view.status(); });
    return status;
  }
  absl::Status Pause(const std::string& reason = "") {
    absl::Status status = absl::UnknownError("not answered");
    schedules_->Pause("often", reason,
                      [&](const absl::StatusOr<ScheduleView>& view) { status = view.status(); });
    return status;
  }
  absl::Status Resume() {
    absl::Status status = absl::UnknownError("not answered");
    schedules_->Resume("often", "back",
                       [&](const absl::StatusOr<ScheduleView>& view) { status = view.status(); });
    return status;
  }
  absl::Status Delete() {
    absl::Status status = absl::UnknownError("not answered");
    schedules_->Delete("often", [&](const absl::Status& deleted) { status = deleted; });
    return status;
  }
  ScheduleView View() const { return *schedules_->Get("often"); }
  std::vector<std::string> NextTimes(size_t count) const {
    std::vector<std::string> times;
    for (const absl::Time time : NextRunTimes(View(), clock_.Now(), count)) {
      times.push_back(absl::FormatTime("%H:%M:%S", time, absl::UTCTimeZone()));
    }
    return times;
  }

  FakeClock clock_;
  SeededRandom random_{1};
  UuidSequence uuids_{random_};
  FakeTasks tasks_{FakeTasks::Mode::kHold};
  SimDisk disk_;
  SimScheduleStore store_{disk_};
  FakeScheduleTasks find_{[this](const std::string& name) { return tasks_.FindLive(name); }};
  std::unique_ptr<FakeTimer> timer_;
  std::unique_ptr<Schedules> schedules_;
  std::vector<std::unique_ptr<Schedules>> former_;
};

TEST_F(SchedulesTest, SubmitsEachInstantsTaskAtItsTime) {
  ScheduleSettings settings = SettingsOf("often", absl::Minutes(10));
  settings.task.input.data = "text";
  CreateOk(settings);
  EXPECT_THAT(NextTimes(2), ElementsAre("00:10:00", "00:20:00"));
  clock_.Advance(absl::Minutes(10) - absl::Milliseconds(1));
  EXPECT_EQ(tasks_.submitted(), 0U);
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(tasks_.LiveNames(), ElementsAre("queues/default/tasks/often-20260101t001000z"));
  EXPECT_EQ(absl::string_view(tasks_.last_spec().input.data), "text");
  EXPECT_EQ(View().runs.last_task, "queues/default/tasks/often-20260101t001000z");
  EXPECT_EQ(View().runs.last_run_time, clock_.Now());
  tasks_.FinishAll();
  clock_.Advance(absl::Minutes(10));
  EXPECT_EQ(tasks_.submitted(), 2U);
  EXPECT_EQ(View().runs.started, 2U);
  EXPECT_EQ(schedules_->Stats().started, 2U);
  EXPECT_THAT(NextTimes(1), ElementsAre("00:30:00"));
}

// The nearer an instant, the sooner it looks again: a day takes a dozen looks, not 86,400.
TEST_F(SchedulesTest, SleepsUntilThereIsSomethingToDo) {
  CreateOk(SettingsOf("often", absl::Hours(24)));
  int wakes = 0;
  const MonoTime end = clock_.Monotonic() + absl::Hours(24);
  while (timer_->NextDue() < end) {
    clock_.Advance(absl::Nanoseconds(timer_->NextDue() - clock_.Monotonic()));
    ++wakes;
  }
  EXPECT_LT(wakes, 15);
  EXPECT_EQ(tasks_.submitted(), 0U);
  clock_.Advance(absl::Nanoseconds(end - clock_.Monotonic()));
  EXPECT_EQ(tasks_.submitted(), 1U);
}

TEST_F(SchedulesTest, AWallClockThatIsSetIsNoticed) {
  CreateOk(SettingsOf("often", absl::Hours(2)));
  clock_.JumpWallClock(absl::Minutes(40));  // 80 minutes are left.
  clock_.Advance(absl::Minutes(80));
  EXPECT_EQ(tasks_.submitted(), 1U);
  // Back: nothing comes twice.
  tasks_.FinishAll();
  clock_.JumpWallClock(-absl::Minutes(40));
  clock_.Advance(absl::Minutes(159));
  EXPECT_EQ(tasks_.submitted(), 1U);
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(tasks_.submitted(), 2U);
}

TEST_F(SchedulesTest, SkipsWhileTheLastTaskLives) {
  CreateOk(SettingsOf("often", absl::Minutes(1)));
  clock_.Advance(absl::Minutes(3));
  EXPECT_EQ(tasks_.submitted(), 1U);
  EXPECT_EQ(View().runs.skipped, 2U);
  // Also of a server before this one.
  Restart();
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(tasks_.submitted(), 1U);
  EXPECT_EQ(View().runs.skipped, 3U);
  tasks_.FinishAll();
  EXPECT_EQ(tasks_.submitted(), 1U);
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(tasks_.submitted(), 2U);
}

TEST_F(SchedulesTest, QueuesOneWhileTheLastTaskLives) {
  ScheduleSettings settings = SettingsOf("often", absl::Minutes(1));
  settings.overlap = OverlapPolicy::kQueueOne;
  CreateOk(settings);
  clock_.Advance(absl::Minutes(3) + absl::Seconds(30));
  EXPECT_EQ(tasks_.submitted(), 1U);
  EXPECT_EQ(View().runs.skipped, 1U);
  tasks_.FinishAll();
  EXPECT_THAT(tasks_.LiveNames(), ElementsAre("queues/default/tasks/often-20260101t000200z"));
  // One that is queued outlives the server.
  clock_.Advance(absl::Minutes(1));
  Restart();
  EXPECT_EQ(tasks_.submitted(), 2U);
  tasks_.FinishAll();
  EXPECT_THAT(tasks_.LiveNames(), ElementsAre("queues/default/tasks/often-20260101t000400z"));
  EXPECT_EQ(View().runs.started, 3U);
}

TEST_F(SchedulesTest, AllowsTasksSideBySide) {
  ScheduleSettings settings = SettingsOf("often", absl::Minutes(1));
  settings.overlap = OverlapPolicy::kAllow;
  CreateOk(settings);
  clock_.Advance(absl::Minutes(3));
  EXPECT_EQ(tasks_.LiveNames().size(), 3U);
}

TEST_F(SchedulesTest, WhatADowntimeMissedIsSkippedOrRunOnce) {
  for (const MissedRunPolicy missed : {MissedRunPolicy::kSkip, MissedRunPolicy::kRunOnce}) {
    ScheduleSettings settings = SettingsOf("often", absl::Minutes(10));
    settings.missed = missed;
    CreateOk(settings);
    const size_t before = tasks_.submitted();
    Die();
    clock_.Advance(absl::Minutes(35));
    Restart();
    const bool is_run = missed == MissedRunPolicy::kRunOnce;
    EXPECT_EQ(tasks_.submitted() - before, is_run ? 1U : 0U);
    EXPECT_EQ(View().runs.missed, is_run ? 2U : 3U);
    Restart();  // Once.
    EXPECT_EQ(tasks_.submitted() - before, is_run ? 1U : 0U);
    ASSERT_TRUE(Delete().ok());
    tasks_.FinishAll();
  }
}

TEST_F(SchedulesTest, WhatIsRefusedIsTriedAgainWhileItIsTheLast) {
  ScheduleSettings settings = SettingsOf("often", absl::Minutes(10));
  settings.missed = MissedRunPolicy::kRunOnce;
  CreateOk(settings);
  tasks_.Refuse(absl::ResourceExhaustedError("the queue is full"));
  clock_.Advance(absl::Minutes(15));
  EXPECT_EQ(View().runs.started, 0U);
  EXPECT_EQ(View().refusal->message, "the queue is full");
  EXPECT_GT(schedules_->Stats().refused, 5U);
  EXPECT_LT(schedules_->Stats().refused, 15U);
  tasks_.Refuse(absl::OkStatus());
  clock_.Advance(absl::Minutes(1));
  EXPECT_THAT(tasks_.LiveNames(), ElementsAre("queues/default/tasks/often-20260101t001000z"));
  EXPECT_FALSE(View().refusal.has_value());
  EXPECT_EQ(View().runs.missed, 0U);
}

TEST_F(SchedulesTest, ARefusedRunIsMissedWhereThatIsSkipped) {
  CreateOk(SettingsOf("often", absl::Minutes(10)));
  tasks_.Refuse(absl::ResourceExhaustedError("the queue is full"));
  clock_.Advance(absl::Minutes(15));
  EXPECT_EQ(View().runs.missed, 1U);
  const uint64_t refused = schedules_->Stats().refused;
  clock_.Advance(absl::Minutes(4));
  EXPECT_EQ(schedules_->Stats().refused, refused);
}

TEST_F(SchedulesTest, NothingRunsWhileItIsPausedAndNothingIsMissed) {
  CreateOk(SettingsOf("often", absl::Minutes(10)));
  ASSERT_TRUE(Pause("repairs").ok());
  EXPECT_TRUE(NextTimes(1).empty());
  clock_.Advance(absl::Minutes(15));
  Restart();
  EXPECT_EQ(View().record->paused.reason, "repairs");
  EXPECT_EQ(schedules_->Stats().paused, 1U);
  clock_.Advance(absl::Minutes(10));
  ASSERT_TRUE(Resume().ok());
  EXPECT_EQ(tasks_.submitted(), 0U);
  clock_.Advance(absl::Minutes(5));
  EXPECT_EQ(tasks_.submitted(), 1U);
  EXPECT_EQ(View().runs.missed, 0U);
  EXPECT_THAT(std::string(Pause(std::string(257, 'x')).message()), HasSubstr("257 bytes"));
}

TEST_F(SchedulesTest, AnUpdateHoldsFromNowOn) {
  CreateOk(SettingsOf("often", absl::Minutes(10)));
  clock_.Advance(absl::Minutes(7));
  ScheduleUpdate update;
  update.interval = absl::Minutes(4);
  ASSERT_TRUE(Update(update).ok());
  EXPECT_THAT(NextTimes(2), ElementsAre("00:11:00", "00:15:00"));
  update.interval = absl::Milliseconds(4);
  EXPECT_EQ(Update(update).code(), absl::StatusCode::kInvalidArgument);
  update = {};
  update.task.emplace().handler = "unknown";
  EXPECT_EQ(DetailsOf(Update(update)).reason, "HANDLER_UNKNOWN");
  // Those that were refused have changed nothing.
  Restart();
  EXPECT_THAT(NextTimes(1), ElementsAre("00:11:00"));
  clock_.Advance(absl::Minutes(4));
  EXPECT_EQ(absl::string_view(tasks_.last_spec().handler), "echo");
}

TEST_F(SchedulesTest, WhatIsDeletedRunsNoMoreAndItsNameIsFree) {
  CreateOk(SettingsOf("often", absl::Minutes(10)));
  EXPECT_EQ(DetailsOf(Create(SettingsOf("often", absl::Minutes(1)))).reason, "SCHEDULE_EXISTS");
  clock_.Advance(absl::Minutes(10));
  ASSERT_TRUE(Delete().ok());
  EXPECT_EQ(disk_.Count(StoreTable::kMeta), 0U);
  clock_.Advance(absl::Minutes(10));
  EXPECT_EQ(tasks_.submitted(), 1U);
  EXPECT_EQ(DetailsOf(Delete()).reason, "SCHEDULE_UNKNOWN");
  EXPECT_EQ(DetailsOf(schedules_->Get("often").status()).reason, "SCHEDULE_UNKNOWN");
  EXPECT_EQ(DetailsOf(Pause()).reason, "SCHEDULE_UNKNOWN");
  CreateOk(SettingsOf("often", absl::Minutes(10)));
  EXPECT_EQ(View().runs.started, 0U);
}

// Deleted while a run is being submitted: nothing of it is kept.
TEST_F(SchedulesTest, ItMayBeDeletedWhileItStarts) {
  CreateOk(SettingsOf("often", absl::Minutes(10)));
  tasks_.HoldReceipts();
  clock_.Advance(absl::Minutes(10));
  ASSERT_EQ(tasks_.held(), 1U);
  ASSERT_TRUE(Delete().ok());
  tasks_.ReleaseReceipts();
  tasks_.FinishAll();
  EXPECT_EQ(disk_.Count(StoreTable::kMeta), 0U);
}

// No second decision while the first is on its way.
TEST_F(SchedulesTest, DecidesOneAfterTheOther) {
  ScheduleSettings settings = SettingsOf("often", absl::Minutes(1));
  settings.overlap = OverlapPolicy::kAllow;
  CreateOk(settings);
  tasks_.HoldReceipts();
  clock_.Advance(absl::Minutes(3));
  EXPECT_EQ(tasks_.held(), 1U);
  tasks_.ReleaseReceipts();
  EXPECT_EQ(tasks_.submitted(), 2U);  // The first, and the last that has come.
  EXPECT_EQ(View().runs.missed, 1U);
}

TEST_F(SchedulesTest, WhatCannotBeKeptIsRefused) {
  disk_.FailFrom(1, absl::ResourceExhaustedError("no room"));
  EXPECT_EQ(Create(SettingsOf("often", absl::Minutes(1))).message(), "no room");
  EXPECT_TRUE(schedules_->List().empty());
  disk_.FailFrom(0, absl::OkStatus());
  CreateOk(SettingsOf("often", absl::Minutes(1)));
  disk_.FailFrom(1, absl::ResourceExhaustedError("no room"));
  EXPECT_FALSE(Pause().ok());
  EXPECT_FALSE(Delete().ok());
  EXPECT_FALSE(View().record->is_paused);
}

TEST_F(SchedulesTest, ThereIsABoundToTheirTasksBytes) {
  ScheduleSettings settings = SettingsOf("a", absl::Minutes(1));
  settings.task.input.data = std::string(1 << 20, 'x');
  size_t made = 0;
  absl::Status status;
  while (status.ok() && made < 100) {
    settings.id = absl::StrCat("a", ++made);
    status = Create(settings);
  }
  EXPECT_EQ(made, 64U);  // The 64th, with its other bytes, does not fit.
  EXPECT_EQ(DetailsOf(status).reason, "TOO_MANY_SCHEDULES");
  EXPECT_EQ(schedules_->List().size(), 63U);
  // Nor by a change.
  settings.id = "often";
  settings.task.input.data = "small";
  CreateOk(settings);
  ScheduleUpdate update;
  update.task = settings.task;
  update.task->input.data = std::string(1 << 20, 'x');
  EXPECT_EQ(DetailsOf(Update(update)).reason, "TOO_MANY_SCHEDULES");
  update.task->input.data = "smalle";
  EXPECT_TRUE(Update(update).ok());
}

// What an earlier schedule of the name left is none of it.
TEST_F(SchedulesTest, RunsOfAnotherScheduleOfTheNameAreNoneOfIt) {
  CreateOk(SettingsOf("often", absl::Minutes(10)));
  const Setting kept[] = {
      {ScheduleKey("often"), *disk_.Get(StoreTable::kMeta, ScheduleKey("often"))},
      {ScheduleRunsKey("often"), EncodeScheduleRuns({1, 1}, RunsOf(7))},
      {ScheduleRunsKey("gone"), EncodeScheduleRuns({1, 2}, RunsOf(8))}};
  Schedules other(TaskLimits(), {clock_, *timer_, uuids_, tasks_, store_, find_});
  ASSERT_TRUE(other.Load(kept).ok());
  EXPECT_EQ(other.Get("often")->runs.started, 0U);
}

// Many are decided together, and then done one after the other.
TEST_F(SchedulesTest, WhatIsPausedSinceItWasDecidedStartsNothing) {
  CreateOk(SettingsOf("one", absl::Minutes(10)));
  CreateOk(SettingsOf("two", absl::Minutes(10)));
  tasks_.on_submit = [this] {
    for (const char* id : {"one", "two"}) {
      schedules_->Pause(id, "", [](const absl::StatusOr<ScheduleView>& view) {
        EXPECT_TRUE(view.ok()) << view.status();
      });
    }
  };
  clock_.Advance(absl::Minutes(10));
  tasks_.on_submit = nullptr;
  const auto started = [this](const char* id) { return schedules_->Get(id)->runs.started; };
  EXPECT_EQ(started("one") + started("two"), 1U);
  for (const char* id : {"one", "two"}) {
    schedules_->Resume(id, "", [](const absl::StatusOr<ScheduleView>&) {});
  }
  clock_.Advance(absl::Minutes(20));
  EXPECT_GE(started("one"), 1U) << "it goes on";
  EXPECT_GE(started("two"), 1U) << "it goes on";
}

TEST_F(SchedulesTest, ARunThatACrashLeftUnnotedIsKnownAgain) {
  CreateOk(SettingsOf("often", absl::Minutes(10)));
  clock_.Advance(absl::Minutes(10));
  const ScheduleRuns noted = View().runs;
  ASSERT_EQ(noted.started, 1U);
  Die();
  absl::Status removed = absl::UnknownError("not answered");
  store_.Write({{ScheduleRunsKey("often"), ""}},
               [&](const absl::Status& status) { removed = status; });
  ASSERT_TRUE(removed.ok());
  clock_.Advance(absl::Minutes(15));
  Restart();
  EXPECT_EQ(View().runs.last_task, noted.last_task);
  EXPECT_EQ(View().runs.started, 1U);
  EXPECT_EQ(View().runs.missed, 1U);
  clock_.Advance(absl::Minutes(10));
  EXPECT_EQ(View().runs.skipped, 1U) << "its task runs still";
  EXPECT_EQ(View().runs.started, 1U);
}

// As where an image comes without time zones: nobody can mend it while the server does not start.
TEST_F(SchedulesTest, OneThatCannotRecurHereStandsStillAndSaysWhy) {
  ScheduleRecord record;
  record.settings = SettingsOf("often", absl::ZeroDuration());
  record.settings.cron = "0 2 * * *";
  record.settings.time_zone = "Nowhere/Land";
  const Setting kept[] = {{ScheduleKey("often"), EncodeSchedule(record)}};
  Schedules other(TaskLimits(), {clock_, *timer_, uuids_, tasks_, store_, find_});
  ASSERT_TRUE(other.Load(kept).ok());
  other.Start();
  const ScheduleView shown = *other.Get("often");
  EXPECT_TRUE(shown.record->is_paused);
  EXPECT_THAT(shown.record->paused.reason, HasSubstr("cannot recur on this machine: "));
  absl::StatusOr<ScheduleView> resumed;
  other.Resume("often", "", [&](absl::StatusOr<ScheduleView> view) { resumed = std::move(view); });
  EXPECT_FALSE(resumed.ok());
  other.Pause("often", "", [&](absl::StatusOr<ScheduleView> view) { resumed = std::move(view); });
  EXPECT_TRUE(resumed.ok()) << resumed.status();
}

TEST_F(SchedulesTest, ARunHasTheRetriesOfItsScheduleAndNotItsQueues) {
  ScheduleSettings settings = SettingsOf("often", absl::Minutes(10));
  settings.has_retry_policy = true;
  CreateOk(std::move(settings));
  clock_.Advance(absl::Minutes(10));
  EXPECT_TRUE(tasks_.last_had_retry_policy());
}

TEST_F(SchedulesTest, ADamagedOneIsToldAtTheStart) {
  const Setting damaged[] = {{ScheduleKey("often"), "\xff"}};
  Schedules other(TaskLimits(), {clock_, *timer_, uuids_, tasks_, store_, find_});
  EXPECT_EQ(other.Load(damaged).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace taskforge

// Crashes at every step of the ticker: before and after each write, before and after each
// acceptance.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "unit/schedules/schedules_fixture.h"

namespace taskforge {
namespace {

// The step at which the server dies; 0: never.
class Fate {
 public:
  explicit Fate(int dies_at) : left_(dies_at) {}
  // From its end on nothing has an effect, and nobody is called back.
  bool is_dead() const { return is_dead_; }
  // Whether it lives on after this step.
  bool Step() {
    if (!is_dead_ && left_ > 0 && --left_ == 0) is_dead_ = true;
    return !is_dead_;
  }

 private:
  int left_;
  bool is_dead_ = false;
};

// The machine's: what was accepted stays, whoever dies. Tasks end as soon as they are accepted.
class AcceptedTasks final : public TaskRunner {
 public:
  // How many tasks each request_id has become.
  std::map<std::string, int> made;
  std::set<std::string> ids;
  bool Run(TaskRef, const Dispatch&) override { return false; }
};

class MortalSubmitter final : public Submitter {
 public:
  MortalSubmitter(Fate& fate, AcceptedTasks& accepted) : fate_(fate), accepted_(accepted) {}
  void Submit(Submission submission) override {
    if (!fate_.Step()) return Keep(std::move(submission));
    const std::string request = submission.spec.origin->request_id;
    const bool is_known = accepted_.made.contains(request);
    if (!is_known) {
      ++accepted_.made[request];
      accepted_.ids.insert(submission.spec.origin->task_id);
    }
    if (!fate_.Step()) return Keep(std::move(submission));
    Ref<TaskRecord> record = MakeRef<TaskRecord>();
    record->spec = MakeRef<TaskSpec>(std::move(submission.spec));
    const TaskRecordPtr shared = std::move(record);
    std::move(submission.on_receipt)(SubmitReceipt{shared, is_known});
    std::move(submission.on_finished)(shared);
  }
  void SubmitBatch(std::vector<Submission> submissions) override {
    for (Submission& submission : submissions) Submit(std::move(submission));
  }

 private:
  void Keep(Submission submission) { never_answered_.push_back(std::move(submission)); }

  Fate& fate_;
  AcceptedTasks& accepted_;
  std::vector<Submission> never_answered_;
};

class MortalStore final : public ScheduleStore {
 public:
  MortalStore(Fate& fate, SimDisk& disk) : fate_(fate), store_(disk) {}
  void Write(std::vector<Setting> settings, StatusCallback done) override {
    if (!fate_.Step()) return never_answered_.push_back(std::move(done));
    absl::Status status;
    store_.Write(std::move(settings), [&](absl::Status written) { status = std::move(written); });
    if (!fate_.Step()) return never_answered_.push_back(std::move(done));
    std::move(done)(std::move(status));
  }

 private:
  Fate& fate_;
  SimScheduleStore store_;
  std::vector<StatusCallback> never_answered_;
};

class SchedulesCrashTest : public ::testing::Test {
 protected:
  static constexpr absl::Duration kInterval = absl::Minutes(10);

  SchedulesCrashTest() {
    MortalStore store(immortal_, disk_);
    MortalSubmitter submitter(immortal_, accepted_);
    FakeTimer timer(clock_);
    Schedules schedules(TaskLimits(), {clock_, timer, uuids_, submitter, store, find_});
    ScheduleSettings settings = SettingsOf("often", kInterval);
    settings.missed = MissedRunPolicy::kRunOnce;
    absl::Status status;
    schedules.Create(settings,
                     [&](const absl::StatusOr<ScheduleView>& view) { status = view.status(); });
    EXPECT_TRUE(status.ok()) << status;
    begin_ = clock_.Now();
  }

  // A life of the server until it dies at a step, or `end` has come. Returns whether it died.
  bool Live(int dies_at, absl::Time end) {
    Fate fate(dies_at);
    MortalStore store(fate, disk_);
    MortalSubmitter submitter(fate, accepted_);
    FakeTimer timer(clock_);
    Schedules schedules(TaskLimits(), {clock_, timer, uuids_, submitter, store, find_});
    const absl::Status status = schedules.Load(SimScheduleStore::Read(disk_));
    EXPECT_TRUE(status.ok()) << status;
    schedules.Start();
    while (!fate.is_dead() && clock_.Now() < end) clock_.Advance(absl::Seconds(10));
    if (!fate.is_dead()) runs_ = schedules.Get("often")->runs;
    return fate.is_dead();
  }
  int InstantsUntilNow() const { return static_cast<int>((clock_.Now() - begin_) / kInterval); }
  void ExpectNoneTwice() const {
    for (const auto& [request, count] : accepted_.made) EXPECT_EQ(count, 1) << request;
    EXPECT_EQ(accepted_.made.size(), accepted_.ids.size());
  }

  FakeClock clock_;
  SeededRandom random_{1};
  UuidSequence uuids_{random_};
  SimDisk disk_;
  AcceptedTasks accepted_;
  Fate immortal_{0};
  FakeScheduleTasks find_{[](const std::string&) { return TaskRef(); }};
  absl::Time begin_;
  ScheduleRuns runs_;
};

// One that comes back at once: each instant has its one task, none is missed.
TEST_F(SchedulesCrashTest, EachInstantHasOneTaskWhereverItDies) {
  int crashes = 0;
  // A decision takes four steps; so each step is met, also in the life after a crash.
  for (int step = 1; step <= 8; ++step) {
    for (int again = 0; again <= 8; ++again) {
      const absl::Time end = clock_.Now() + 3 * kInterval;
      crashes += Live(step, end) ? 1 : 0;
      if (again > 0) crashes += Live(again, end) ? 1 : 0;
      (void)Live(0, end);
      ExpectNoneTwice();
      ASSERT_EQ(static_cast<int>(accepted_.ids.size()), InstantsUntilNow())
          << "steps " << step << ", " << again;
      ASSERT_EQ(static_cast<int>(runs_.started), InstantsUntilNow());
      ASSERT_EQ(runs_.missed, 0U);
    }
  }
  EXPECT_GT(crashes, 100);
}

// One that stays away: no instant has two, and the last that was missed has one.
TEST_F(SchedulesCrashTest, ADowntimeIsMadeUpForOnce) {
  for (int step = 1; step <= 8; ++step) {
    ASSERT_TRUE(Live(step, clock_.Now() + 3 * kInterval));
    clock_.Advance(absl::Minutes(37));
    const size_t before = accepted_.ids.size();
    const absl::Time last = begin_ + InstantsUntilNow() * kInterval;
    (void)Live(0, clock_.Now() + absl::Minutes(1));
    ExpectNoneTwice();
    EXPECT_EQ(accepted_.ids.size(), before + 1);
    EXPECT_EQ(runs_.last_instant, last);
  }
}

}  // namespace
}  // namespace taskforge

#include "schedules/run_policy.h"

#include <gtest/gtest.h>

namespace taskforge {
namespace {

using Kind = RunDecision::Kind;

const absl::Time kStart = absl::FromUnixSeconds(1'767'225'600);

// Every ten minutes from kStart on.
class RunPolicyTest : public ::testing::Test {
 protected:
  RunDecision At(absl::Duration after_start, bool has_running = false) const {
    return DecideRun(schedule_, recurrence_, runs_, has_running, kStart + after_start);
  }
  RunPolicyTest() { schedule_.effective_from = kStart; }

  ScheduleRecord schedule_;
  const Recurrence recurrence_ = Recurrence::Interval(absl::Minutes(10), kStart);
  ScheduleRuns runs_;
};

TEST_F(RunPolicyTest, WaitsForTheNextInstant) {
  const RunDecision decision = At(absl::Minutes(9));
  EXPECT_EQ(decision.kind, Kind::kNothing);
  EXPECT_EQ(decision.wake, kStart + absl::Minutes(10));
}

TEST_F(RunPolicyTest, StartsAnInstantThatHasCome) {
  const RunDecision decision = At(absl::Minutes(10) + absl::Milliseconds(3));
  EXPECT_EQ(decision.kind, Kind::kStart);
  EXPECT_EQ(decision.instant, kStart + absl::Minutes(10));
  EXPECT_EQ(decision.runs.decided_until, decision.instant);
  EXPECT_EQ(decision.runs.last_run_time, decision.instant + absl::Milliseconds(3));
  EXPECT_EQ(decision.runs.started, 1U);
  EXPECT_EQ(decision.runs.missed, 0U);
}

// Time that goes back brings no instant a second time.
TEST_F(RunPolicyTest, DecidesOnAnInstantOnce) {
  runs_.decided_until = kStart + absl::Minutes(20);
  for (const absl::Duration now : {absl::Minutes(20), absl::Minutes(10), -absl::Hours(5)}) {
    const RunDecision decision = At(now);
    EXPECT_EQ(decision.kind, Kind::kNothing) << now;
    EXPECT_EQ(decision.wake, kStart + absl::Minutes(30));
  }
}

TEST_F(RunPolicyTest, WhatCameBeforeItWasMadeOrResumedIsNoneOfIt) {
  schedule_.effective_from = kStart + absl::Minutes(25);
  EXPECT_EQ(At(absl::Minutes(25)).kind, Kind::kNothing);
  EXPECT_EQ(At(absl::Minutes(30)).runs.missed, 0U);
}

TEST_F(RunPolicyTest, OfSeveralTheLastRunsIfItIsOnTime) {
  const RunDecision decision = At(absl::Minutes(31));
  EXPECT_EQ(decision.kind, Kind::kStart);
  EXPECT_EQ(decision.instant, kStart + absl::Minutes(30));
  EXPECT_EQ(decision.runs.missed, 2U);
}

TEST_F(RunPolicyTest, SkipsWhatWasMissed) {
  const RunDecision decision = At(absl::Minutes(32));
  EXPECT_EQ(decision.kind, Kind::kNote);
  EXPECT_EQ(decision.runs.decided_until, kStart + absl::Minutes(30));
  EXPECT_EQ(decision.runs.missed, 3U);
  EXPECT_EQ(decision.runs.started, 0U);
}

TEST_F(RunPolicyTest, RunsTheLastOfWhatWasMissed) {
  schedule_.settings.missed = MissedRunPolicy::kRunOnce;
  const RunDecision decision = At(absl::Minutes(39));
  EXPECT_EQ(decision.kind, Kind::kStart);
  EXPECT_EQ(decision.instant, kStart + absl::Minutes(30));
  EXPECT_EQ(decision.runs.missed, 2U);
}

TEST_F(RunPolicyTest, CountsMissedInstantsUpToABound) {
  EXPECT_EQ(At(absl::Hours(24 * 365) + absl::Minutes(5)).runs.missed, kMostMissed);
}

TEST_F(RunPolicyTest, SkipsWhileAnEarlierTaskRuns) {
  const RunDecision decision = At(absl::Minutes(10), /*has_running=*/true);
  EXPECT_EQ(decision.kind, Kind::kNote);
  EXPECT_EQ(decision.runs.skipped, 1U);
  EXPECT_EQ(decision.runs.waiting, absl::InfinitePast());
}

TEST_F(RunPolicyTest, AllowsThemSideBySide) {
  schedule_.settings.overlap = OverlapPolicy::kAllow;
  EXPECT_EQ(At(absl::Minutes(10), /*has_running=*/true).kind, Kind::kStart);
}

TEST_F(RunPolicyTest, QueuesOneAndStartsItWhenTheEarlierHasEnded) {
  schedule_.settings.overlap = OverlapPolicy::kQueueOne;
  const RunDecision queued = At(absl::Minutes(10), /*has_running=*/true);
  EXPECT_EQ(queued.kind, Kind::kNote);
  EXPECT_EQ(queued.runs.waiting, kStart + absl::Minutes(10));
  runs_ = queued.runs;
  const RunDecision second = At(absl::Minutes(20), /*has_running=*/true);
  EXPECT_EQ(second.runs.skipped, 1U);
  EXPECT_EQ(second.runs.waiting, kStart + absl::Minutes(10));
  runs_ = second.runs;
  // Before what has come since, and however late.
  const RunDecision started = At(absl::Minutes(35));
  EXPECT_EQ(started.kind, Kind::kStart);
  EXPECT_EQ(started.instant, kStart + absl::Minutes(10));
  EXPECT_EQ(started.runs.waiting, absl::InfinitePast());
  EXPECT_EQ(started.runs.decided_until, kStart + absl::Minutes(20));
}

}  // namespace
}  // namespace taskforge

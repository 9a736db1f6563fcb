#include "pool/scaling_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

namespace taskforge {
namespace {

constexpr MonoTime kNow{1'000'000'000'000};

MonoTime Ago(absl::Duration duration) { return kNow + -duration; }

// Two processors, 2 to 64 threads, nothing waits.
PoolSnapshot Calm(int threads, int busy) {
  PoolSnapshot snapshot;
  snapshot.now = kNow;
  snapshot.min_threads = 2;
  snapshot.max_threads = 64;
  snapshot.cpus = 2;
  snapshot.threads = threads;
  snapshot.busy = busy;
  snapshot.idle_parked = threads - busy;
  snapshot.background_places = std::max(0, threads - 1 - busy);
  return snapshot;
}

// The same with Normal work that waits for longer than anybody likes.
PoolSnapshot Waiting(int threads, int busy) {
  PoolSnapshot snapshot = Calm(threads, busy);
  snapshot.waiting_background = 10;
  snapshot.pressure = absl::Milliseconds(100);
  return snapshot;
}

struct Case {
  std::string name;
  PoolSnapshot snapshot;
  ScalingAction expected;
};

void PrintTo(const Case& table_case, std::ostream* out) { *out << table_case.name; }

template <typename Change>
PoolSnapshot With(PoolSnapshot snapshot, Change change) {
  change(snapshot);
  return snapshot;
}

std::vector<Case> Cases() {
  using S = PoolSnapshot;
  using R = ScalingReason;
  return {
      {"CalmStays", Calm(2, 0), {2, R::kNone, false}},
      {"BelowMinGrows", Calm(1, 0), {2, R::kSettings, false}},
      {"BelowMinBecauseOneWasAbandoned",
       With(Calm(1, 0), [](S& s) { s.replaces_abandoned = true; }),
       {2, R::kAbandoned, false}},
      {"AboveMaxShrinksByTheIdle",
       With(Calm(10, 0), [](S& s) { s.max_threads = 4; }),
       {4, R::kSettings, false}},
      {"AboveMaxSparesOneIdleThreadWhileOthersAreBusy",
       With(Calm(10, 7), [](S& s) { s.max_threads = 4; }),
       {8, R::kSettings, false}},
      {"AboveMaxKillsNobody",
       With(Calm(10, 10), [](S& s) { s.max_threads = 4; }),
       {10, R::kNone, false}},
      {"AnIdleThreadWillTakeIt",
       With(Waiting(4, 2), [](S& s) { s.blocked = 2; }),
       {4, R::kNone, false}},
      {"AllBlockedDoubles",
       With(Waiting(4, 3), [](S& s) { s.blocked = 3; }),
       {8, R::kAllBlocked, false}},
      {"AllBlockedDoublesUpToMax",
       With(Waiting(40, 39), [](S& s) { s.blocked = 39; }),
       {64, R::kAllBlocked, false}},
      {"AllBlockedOnceATick",
       With(Waiting(4, 3),
            [](S& s) {
              s.blocked = 3;
              s.last_growth = Ago(absl::Milliseconds(5));
            }),
       {4, R::kNone, false}},
      {"AllBlockedDoesNotWaitAfterShrinking",
       With(Waiting(4, 3),
            [](S& s) {
              s.blocked = 3;
              s.last_shrink = Ago(absl::Milliseconds(50));
            }),
       {8, R::kAllBlocked, false}},
      {"AllBlockedGrowsOnContendedProcessors",
       With(Waiting(4, 3),
            [](S& s) {
              s.blocked = 3;
              s.contention = 0.9;
            }),
       {8, R::kAllBlocked, false}},
      {"AllBlockedWithoutWorkStays",
       With(Calm(4, 4), [](S& s) { s.blocked = 4; }),
       {4, R::kNone, false}},
      {"GrowthMayBeForbidden",
       With(Waiting(4, 4),
            [](S& s) {
              s.blocked = 4;
              s.allow_growth = false;
            }),
       {4, R::kNone, false}},
      // Half of 4 blocked: 2 / 0.5 + 1.
      {"HalfBlockedGrowsToKeepProcessorsBusy",
       With(Waiting(4, 4), [](S& s) { s.blocked = 2; }),
       {5, R::kPartlyBlocked, false}},
      // 3 of 4 blocked: 2 / 0.25 + 1 = 9, but at most double.
      {"PartlyBlockedAtMostDoubles",
       With(Waiting(4, 4), [](S& s) { s.blocked = 3; }),
       {8, R::kPartlyBlocked, false}},
      {"UndeclaredSleepCounts",
       With(Waiting(4, 4), [](S& s) { s.sleeping = 2.0; }),
       {5, R::kPartlyBlocked, false}},
      {"NoiseOfTheMeasurementDoesNot",
       With(Waiting(3, 3), [](S& s) { s.sleeping = 0.4; }),
       {3, R::kNone, false}},
      {"PartlyBlockedWaitsAfterShrinking",
       With(Waiting(4, 4),
            [](S& s) {
              s.blocked = 2;
              s.last_shrink = Ago(absl::Milliseconds(900));
            }),
       {4, R::kNone, false}},
      {"CpuBoundGrowsToCpusAndOne", Waiting(2, 2), {3, R::kQueueWait, false}},
      {"CpuBoundStopsThere", Waiting(3, 3), {3, R::kNone, false}},
      {"CpuBoundStopsThereThoughNothingIsDispatched",
       With(Waiting(3, 3), [](S& s) { s.since_dispatch = absl::Seconds(30); }),
       {3, R::kNone, false}},
      {"ShortWaitsAreNoReason",
       With(Waiting(2, 2), [](S& s) { s.pressure = absl::Milliseconds(5); }),
       {2, R::kNone, false}},
      {"ContendedProcessorsAreOverloaded",
       With(Waiting(2, 2), [](S& s) { s.contention = 0.8; }),
       {2, R::kNone, true}},
      {"StalledGrowsByHalf",
       With(Waiting(8, 8),
            [](S& s) {
              s.since_dispatch = absl::Milliseconds(600);
              s.usage_known = false;
            }),
       {12, R::kStalled, false}},
      {"StalledGrowsOnContendedProcessorsToo",
       With(Waiting(8, 8),
            [](S& s) {
              s.since_dispatch = absl::Milliseconds(600);
              s.sleeping = 7.5;
              s.contention = 0.9;
            }),
       {12, R::kStalled, false}},
      {"UrgentWorkMayUseTheLastThread",
       With(Waiting(2, 1),
            [](S& s) {
              s.waiting_urgent = 1;
              s.blocked = 1;
            }),
       {2, R::kNone, false}},
      {"IdleThreadsRetire",
       With(Calm(10, 0), [](S& s) { s.idle_expired = 10; }),
       {9, R::kIdle, false}},
      {"ManyIdleThreadsRetireFaster",
       With(Calm(64, 0), [](S& s) { s.idle_expired = 64; }),
       {62, R::kIdle, false}},
      // Else Low and Normal would hold all threads that are left, and nobody would answer High.
      {"TheLastIdleThreadStaysWhileOthersAreBusy",
       With(Calm(3, 2), [](S& s) { s.idle_expired = 1; }),
       {3, R::kNone, false}},
      {"ButNotMoreThanOne",
       With(Calm(8, 3), [](S& s) { s.idle_expired = 5; }),
       {7, R::kIdle, false}},
      {"NotBelowMin", With(Calm(2, 0), [](S& s) { s.idle_expired = 2; }), {2, R::kNone, false}},
      {"ShrinkingWaitsAfterGrowing",
       With(Calm(10, 0),
            [](S& s) {
              s.idle_expired = 10;
              s.last_growth = Ago(absl::Milliseconds(999));
            }),
       {10, R::kNone, false}},
      {"AndThenGoesOn",
       With(Calm(10, 0),
            [](S& s) {
              s.idle_expired = 10;
              s.last_growth = Ago(absl::Milliseconds(1000));
            }),
       {9, R::kIdle, false}},
  };
}

class ScalingPolicyTest : public testing::TestWithParam<Case> {};

TEST_P(ScalingPolicyTest, Decides) {
  const ScalingAction action = DecideScaling(GetParam().snapshot, ScalingOptions{});
  EXPECT_EQ(action.target, GetParam().expected.target);
  EXPECT_EQ(Name(action.reason), Name(GetParam().expected.reason));
  EXPECT_EQ(action.overloaded, GetParam().expected.overloaded);
}

INSTANTIATE_TEST_SUITE_P(Table, ScalingPolicyTest, testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

// A plant: every thread runs tasks that are blocked for `blocked_ms` and use a processor for
// `cpu_ms`; the policy looks every 10 ms.
struct Plant {
  int threads = 2;
  int peak = 2;
  int waiting = 0;
  int flips_within_hold = 0;
  std::optional<MonoTime> last_growth;
  std::optional<MonoTime> last_shrink;
  std::vector<int> left_ms;  // Of the blocked part of what runs.
  MonoTime now{0};
  absl::Duration pressure;
  MonoTime idle_since{0};

  void Tick(bool blocking, absl::Duration idle_timeout) {
    now = now + absl::Milliseconds(10);
    std::erase_if(left_ms, [](int& left) { return (left -= 10) <= 0; });
    const int cap = std::max(1, threads - 1);
    while (waiting > 0 && static_cast<int>(left_ms.size()) < cap) {
      --waiting;
      left_ms.push_back(100);
    }
    if (!left_ms.empty()) idle_since = now;
    pressure = waiting > 0 ? pressure + absl::Milliseconds(10) : absl::ZeroDuration();
    PoolSnapshot snapshot = Calm(threads, static_cast<int>(left_ms.size()));
    snapshot.now = now;
    snapshot.blocked = blocking ? snapshot.busy : 0;
    snapshot.waiting_background = waiting;
    snapshot.pressure = pressure;
    snapshot.idle_expired = now >= idle_since + idle_timeout ? threads : 0;
    snapshot.last_growth = last_growth;
    snapshot.last_shrink = last_shrink;
    const ScalingAction action = DecideScaling(snapshot, ScalingOptions{});
    if (action.target > threads) last_growth = now;
    if (action.target < threads) {
      if (last_growth && now < *last_growth + absl::Seconds(1)) ++flips_within_hold;
      last_shrink = now;
    }
    threads = action.target;
    peak = std::max(peak, threads);
  }
};

TEST(ScalingPlantTest, BlockedWorkGetsThreadsAtOnceAndTheyGoAgain) {
  Plant plant;
  plant.waiting = 64;
  int ticks = 0;
  while ((plant.waiting > 0 || !plant.left_ms.empty()) && ticks < 1000) {
    plant.Tick(true, absl::Seconds(2));
    ++ticks;
  }
  EXPECT_GE(plant.peak, 48);
  EXPECT_LE(ticks, 40) << "ticks of 10 ms";
  for (int i = 0; i < 400; ++i) plant.Tick(true, absl::Seconds(2));
  EXPECT_EQ(plant.threads, 2) << "idle timeout + 2 s";
  EXPECT_EQ(plant.flips_within_hold, 0);
}

TEST(ScalingPlantTest, WorkThatKeepsProcessorsBusyDoesNotGrowIt) {
  Plant plant;
  plant.waiting = 1000;
  for (int i = 0; i < 2000; ++i) plant.Tick(false, absl::Seconds(2));
  EXPECT_EQ(plant.peak, 3);
}

}  // namespace
}  // namespace taskforge

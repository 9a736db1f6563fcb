#include "handlers/attempt.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "support/fake_attempt.h"

namespace taskforge {
namespace {

TEST(Completion, EndsTheAttemptAsLostWhenItIsDropped) {
  auto attempt = MakeRef<FakeAttempt>("");
  { Completion done{attempt}; }
  ASSERT_TRUE(attempt->has_ended());
  EXPECT_EQ(attempt->error().reason, "LOST");
  EXPECT_FALSE(attempt->lost());
}

TEST(Completion, EndsOnceWhenItWasMoved) {
  auto attempt = MakeRef<FakeAttempt>("");
  Completion first{attempt};
  Completion second = std::move(first);
  EXPECT_TRUE(second.Succeed({}));
  EXPECT_FALSE(second.owns());
}

TEST(Completion, EndsWhatItOwnedWhenAnotherIsAssigned) {
  auto one = MakeRef<FakeAttempt>("");
  auto two = MakeRef<FakeAttempt>("");
  Completion done{one};
  done = Completion(two);
  EXPECT_EQ(one->error().reason, "LOST");
  EXPECT_FALSE(two->has_ended());
  done.Succeed({});
}

TEST(Completion, SaysThatTheAttemptHadEnded) {
  auto attempt = MakeRef<FakeAttempt>("");
  Completion done{attempt};
  attempt->Finish({TaskError()});
  EXPECT_FALSE(done.Succeed({}));
}

TEST(Completion, LosesTheAttemptForWhoRunsItElsewhere) {
  auto attempt = MakeRef<FakeAttempt>("");
  Completion done{attempt};
  EXPECT_TRUE(done.Lose("gone"));
  EXPECT_TRUE(attempt->lost());
  EXPECT_EQ(attempt->error().message, "gone");
}

TEST(Attempt, CarriesTheFence) {
  Attempt attempt(MakeRef<FakeAttempt>("in", 3));
  EXPECT_EQ(attempt.fence(), (Fence{"queues/default/tasks/t", 7, 3}));
  EXPECT_EQ(attempt.input().data, "in");
}

TEST(StopToken, KeepsTheFirstReason) {
  auto attempt = MakeRef<FakeAttempt>("");
  const StopToken stop{attempt};
  EXPECT_FALSE(stop.stop_requested());
  attempt->RequestStop(StopReason::kTimeout);
  attempt->RequestStop(StopReason::kCancelled);
  EXPECT_EQ(stop.reason(), StopReason::kTimeout);
}

TEST(StopToken, CallsBackOnce) {
  auto attempt = MakeRef<FakeAttempt>("");
  int calls = 0;
  StopToken(attempt).OnStop([&](StopReason) { ++calls; });
  attempt->RequestStop(StopReason::kTimeout);
  attempt->RequestStop(StopReason::kTimeout);
  EXPECT_EQ(calls, 1);
  StopToken(attempt).OnStop([&](StopReason) { ++calls; });
  EXPECT_EQ(calls, 2);
}

TEST(StopToken, DropsTheCallbackWhenTheAttemptEnds) {
  auto attempt = MakeRef<FakeAttempt>("");
  auto token = std::make_shared<int>(0);
  StopToken(attempt).OnStop([token](StopReason) { ++*token; });
  attempt->Finish({Payload()});
  EXPECT_EQ(token.use_count(), 1);
  attempt->RequestStop(StopReason::kCancelled);
  EXPECT_EQ(*token, 0);
}

// Whoever registers and whoever stops cannot both miss each other.
TEST(StopToken, NeverLosesAStop) {
  for (int round = 0; round < 100; ++round) {
    auto attempt = MakeRef<FakeAttempt>("");
    std::atomic<int> calls{0};
    std::thread stopper([&] { attempt->RequestStop(StopReason::kCancelled); });
    StopToken(attempt).OnStop([&](StopReason) { ++calls; });
    stopper.join();
    ASSERT_EQ(calls.load(), 1);
  }
}

}  // namespace
}  // namespace taskforge

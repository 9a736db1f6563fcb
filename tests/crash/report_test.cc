#include "crash/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

namespace taskforge::crash {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

CycleLoad LoadOf(int64_t acknowledged, int signal = SIGKILL) {
  CycleLoad load;
  load.signal = signal;
  load.acknowledged = acknowledged;
  load.duration = absl::Milliseconds(500);
  return load;
}

TEST(TotalsTest, SayOneLineForEachInvariant) {
  Totals totals({/*kills=*/2, /*has_floor=*/true});
  totals.Add(LoadOf(2'000));
  totals.Add(LoadOf(3'000));
  totals.Add(LoadOf(2'500, SIGTERM));
  totals.AddExit(absl::Milliseconds(70));
  totals.AddStart(absl::Milliseconds(90));
  Verdict verdict;
  verdict.submits = 8'000;
  verdict.acknowledged = 7'600;
  verdict.sent_again = 30;
  verdict.cancelled = 20;
  verdict.timed = 10;
  totals.Add(verdict);
  totals.AddLookedAtAgain(7'700);
  EXPECT_EQ(totals.ToString(),
            "I1 cycles=2 submits=8000 acknowledged=7600 lost=0 duplicated=0 unexpected=0\n"
            "I8 cycles=1 ended=7700 lost=0 duplicated=0 unexpected=0\n"
            "I9 cycles=2 sent_again=30 lost=0 duplicated=0 unexpected=0\n"
            "I10 cycles=2 cancelled=20 lost=0 duplicated=0 unexpected=0\n"
            "I12 cycles=2 timed=10 lost=0 duplicated=0 unexpected=0\n"
            "I14 cycles=1 longest_exit_ms=70 lost=0 duplicated=0 unexpected=0\n"
            "load acknowledged_per_second=5000 seconds=1.5 kills=2 kills_below_2000=0 "
            "longest_start_ms=90\n");
  EXPECT_FALSE(totals.has_violations());
  EXPECT_THAT(totals.WhyVoid(), IsEmpty());
}

TEST(TotalsTest, CountEachWrongWhereItBelongs) {
  for (const Wrong wrong : {Wrong::kLost, Wrong::kDuplicated, Wrong::kUnexpected}) {
    Totals totals({});
    totals.Add(Violation{Invariant::kI9, wrong, 1, "name", "what"});
    EXPECT_TRUE(totals.has_violations()) << Name(wrong);
    EXPECT_THAT(totals.ToString(), HasSubstr(std::string(Name(wrong)) + "=1"));
    EXPECT_THAT(totals.ToString(), StartsWith("I1 cycles=0 submits=0 acknowledged=0 lost=0 "));
    EXPECT_EQ(totals.lost(), 0);
  }
  Totals totals({});
  totals.Add(Violation{Invariant::kI1, Wrong::kLost, 1, "name", "what"});
  EXPECT_EQ(totals.lost(), 1);
}

TEST(TotalsTest, TooLittleLoadIsVoid) {
  Totals totals({/*kills=*/0, /*has_floor=*/true});
  totals.Add(LoadOf(999));
  EXPECT_THAT(totals.WhyVoid(), HasSubstr("1998 acknowledged submissions a second"));
  Totals without_floor({/*kills=*/1, /*has_floor=*/false});
  without_floor.Add(LoadOf(999));
  EXPECT_THAT(without_floor.WhyVoid(), IsEmpty());
}

// A kill while next to nothing goes on shows nothing, however much went on before other kills.
TEST(TotalsTest, AKillUnderTooLittleLoadDoesNotCount) {
  Totals totals({/*kills=*/2, /*has_floor=*/true});
  totals.Add(LoadOf(5'000));
  totals.Add(LoadOf(999));
  EXPECT_EQ(totals.kills(), 1);
  EXPECT_THAT(totals.ToString(), HasSubstr("kills=2 kills_below_2000=1"));
  EXPECT_THAT(totals.WhyVoid(), HasSubstr("1 kills under load, of at least 2"));
  totals.Add(LoadOf(1'000));
  EXPECT_THAT(totals.WhyVoid(), IsEmpty());
}

TEST(TotalsTest, AnOrderlyEndIsNoKill) {
  Totals totals({/*kills=*/1, /*has_floor=*/true});
  totals.Add(LoadOf(5'000, SIGTERM));
  totals.Add(LoadOf(5'000, 0));
  EXPECT_EQ(totals.kills(), 0);
  EXPECT_THAT(totals.WhyVoid(), Not(IsEmpty()));
}

TEST(ExplainTest, SaysAllThatIsKnown) {
  Event submitted;
  submitted.number = 7;
  submitted.cycle = 3;
  Event other;
  other.number = 8;
  Found task;
  task.number = 7;
  task.name = NameOf(7);
  task.state = State::kCancelled;
  const Violation violation{Invariant::kI10, Wrong::kUnexpected, 7, NameOf(7), "it ran"};
  const std::string text = Explain(violation, 42, {submitted, other}, {task});
  EXPECT_THAT(text, StartsWith("VIOLATION I10 unexpected: queues/default/tasks/t7: it ran\n"));
  EXPECT_THAT(text, HasSubstr("seed 42, cycle 3, number 7"));
  EXPECT_THAT(text, HasSubstr("history: " + submitted.ToString()));
  EXPECT_THAT(text, Not(HasSubstr(other.ToString())));
  EXPECT_THAT(text, HasSubstr("server: " + task.ToString()));
  EXPECT_THAT(Explain(violation, 42, {submitted}, {}), HasSubstr("server: NOT_FOUND"));
}

}  // namespace
}  // namespace taskforge::crash

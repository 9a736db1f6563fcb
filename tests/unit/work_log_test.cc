#include "work_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "support/capturing_log.h"
#include "support/fake_task_parts.h"
#include "support/fake_timer.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class WorkLogTest : public testing::Test {
 protected:
  void RunOne(int64_t wait_ns) {
    work_log_.NoticeWork();
    ++totals_.ended;
    waits_.Record(wait_ns);
    totals_.waits = {};
    waits_.AddTo(totals_.waits);
  }
  std::vector<std::string> Lines() const {
    std::vector<std::string> lines;
    for (const CapturingLog::Line& line : log_.lines()) lines.push_back(line.text);
    return lines;
  }

  FakeClock clock_;
  FakeTimer timer_{clock_};
  CapturingLog log_;
  RecordingAttemptSink next_;
  WorkTotals totals_;
  SingleWriterHistogram waits_;
  WorkLog work_log_{next_, clock_, timer_, log_, [this] { return totals_; }};
};

TEST_F(WorkLogTest, AtRestThereIsNoTimer) {
  EXPECT_EQ(timer_.pending(), 0u);
  clock_.Advance(absl::Hours(1));
  EXPECT_THAT(Lines(), IsEmpty());
}

TEST_F(WorkLogTest, ALineAPeriodWhileWorkRunsAndThenRest) {
  totals_.threads = 4;
  for (int i = 0; i < 100; ++i) RunOne(1000);
  totals_.waiting = 7;
  EXPECT_EQ(timer_.pending(), 1u) << "one, however much runs";
  clock_.Advance(WorkLog::kPeriod - absl::Seconds(1));
  EXPECT_THAT(Lines(), IsEmpty());
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(Lines(), ElementsAre(AllOf(HasSubstr("done=100 waiting=7 running=0 threads=4"),
                                         HasSubstr("wait_p50=1."), HasSubstr("wait_p99="))));
  clock_.Advance(absl::Hours(1));
  EXPECT_THAT(Lines(), SizeIs(1));
  EXPECT_EQ(timer_.pending(), 0u);
}

// Each line is of its own period: what was slow before is not told again.
TEST_F(WorkLogTest, TellsWhatIsNew) {
  for (int i = 0; i < 10; ++i) RunOne(absl::ToInt64Nanoseconds(absl::Seconds(5)));
  clock_.Advance(WorkLog::kPeriod);
  for (int i = 0; i < 3; ++i) RunOne(1000);
  clock_.Advance(WorkLog::kPeriod);
  ASSERT_THAT(Lines(), SizeIs(2));
  EXPECT_THAT(Lines()[0], AllOf(HasSubstr("done=10 "), HasSubstr("wait_p99=5")));
  EXPECT_THAT(Lines()[1], AllOf(HasSubstr("done=3 "), HasSubstr("wait_p99=1.")));
}

TEST_F(WorkLogTest, ALongTaskKeepsItAwake) {
  work_log_.NoticeWork();
  totals_.running = 1;
  clock_.Advance(10 * WorkLog::kPeriod);
  EXPECT_THAT(Lines(), SizeIs(10));
  EXPECT_THAT(Lines()[9],
              AllOf(HasSubstr("done=0"), HasSubstr("running=1"), Not(HasSubstr("wait_p50"))));
  totals_.running = 0;
  totals_.ended = 1;
  clock_.Advance(10 * WorkLog::kPeriod);
  EXPECT_THAT(Lines(), SizeIs(11)) << "its end is told, then there is rest";
}

TEST_F(WorkLogTest, StartsAgainAfterARest) {
  RunOne(1);
  clock_.Advance(absl::Hours(1));
  RunOne(1);
  clock_.Advance(absl::Hours(1));
  EXPECT_THAT(Lines(), ElementsAre(HasSubstr("done=1 "), HasSubstr("done=1 ")));
}

TEST_F(WorkLogTest, PassesEverythingOn) {
  NoRunner runner;
  const TaskRef task = QueuedTask(SpecOf("echo"), runner, clock_);
  work_log_.AttemptStarted(*task);
  EXPECT_EQ(next_.started(), 1);
  EXPECT_EQ(timer_.pending(), 1u);
  work_log_.AttemptEnded(task, {});
  EXPECT_EQ(next_.ends().size(), 1u);
}

// Work that begins just as the timer gives up is told all the same: over all lines, everything is.
TEST(WorkLogStressTest, MissesNothing) {
  for (const int threads : {1, 2, 8}) {
    const SystemClock clock;
    CapturingLog log;
    RecordingAttemptSink next;
    std::atomic<uint64_t> ended{0};
    uint64_t told = 0;
    const auto read_told = [&] {
      told = 0;
      for (const CapturingLog::Line& line : log.lines()) {
        const std::vector<std::string> parts = absl::StrSplit(line.text, "done=");
        uint64_t done = 0;
        EXPECT_TRUE(absl::SimpleAtoi(parts[1].substr(0, parts[1].find(' ')), &done));
        told += done;
      }
      return told;
    };
    {
      ThreadTimer timer;
      WorkLog work_log(
          next, clock, timer, log,
          [&] {
            WorkTotals totals;
            totals.ended = ended.load();
            return totals;
          },
          absl::Microseconds(50));
      std::vector<std::thread> workers;
      for (int i = 0; i < threads; ++i) {
        workers.emplace_back([&, i] {
          for (int n = 0; n < 300; ++n) {
            ended.fetch_add(1);
            work_log.NoticeWork();
            // Rests of about the period, so that the timer often gives up meanwhile.
            const MonoTime until = clock.Monotonic() + absl::Microseconds(30 * ((n + i) % 5));
            while (clock.Monotonic() < until) std::this_thread::yield();
          }
        });
      }
      for (std::thread& worker : workers) worker.join();
      const MonoTime patience = clock.Monotonic() + absl::Seconds(20);
      while (read_told() < ended.load() && clock.Monotonic() < patience) std::this_thread::yield();
      timer.Stop();
    }
    EXPECT_EQ(read_told(), ended.load()) << threads << " threads";
  }
}

}  // namespace
}  // namespace taskforge

#include "cli/main_job/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace taskforge::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

JobReport ReportOf(uint64_t succeeded, uint64_t failed) {
  JobReport report;
  report.files = 1;
  report.duration = absl::Seconds(1);
  TaskGroup& group = report.groups[{"sha256", v1::PRIORITY_LOW}];
  group.succeeded = succeeded;
  group.failed = failed;
  group.waits = {absl::Microseconds(80), absl::Microseconds(120)};
  group.runs = {absl::Microseconds(40)};
  report.pool.threads_before = 2;
  report.pool.threads_at_peak = 5;
  report.pool.threads_after = 3;
  return report;
}

TEST(JobReport, SucceedsOnlyIfSomethingWasDoneAndNothingFailed) {
  EXPECT_TRUE(ReportOf(3, 0).is_success());
  EXPECT_FALSE(ReportOf(3, 1).is_success());
  EXPECT_FALSE(ReportOf(0, 0).is_success());
}

TEST(RenderReport, EndsWithTheLineThatMachinesRead) {
  EXPECT_THAT(RenderReport(ReportOf(1200, 3), false),
              EndsWith("\nmain job: 1203 tasks, 1200 succeeded, 3 failed\n"));
}

TEST(RenderReport, ShowsGroupsThreadsAndResizes) {
  JobReport report = ReportOf(3, 0);
  v1::PoolResize resize;
  resize.set_from_threads(2);
  resize.set_to_threads(5);
  resize.set_reason(v1::RESIZE_REASON_QUEUE_WAIT);
  report.pool.resizes.push_back(resize);
  const std::string text = RenderReport(report, false);
  EXPECT_THAT(text, HasSubstr("sha256   low"));
  EXPECT_THAT(text, HasSubstr("80 µs"));
  EXPECT_THAT(text, HasSubstr("120 µs"));
  EXPECT_THAT(text, HasSubstr("threads: 2 before, 5 at peak, 3 after\n"));
  EXPECT_THAT(text, HasSubstr("resize: 2 → 5  queue_wait"));
}

TEST(RenderReport, TellsWhatWasLeftOutAndWhatFailed) {
  JobReport report = ReportOf(3, 20);
  report.too_large = {"big.bin"};
  report.no_input = {"x/.git", "x/build"};
  for (int i = 0; i < 20; ++i) {
    report.failures.push_back({"t", absl::StrCat("file", i), "sha256", "differs"});
  }
  const std::string text = RenderReport(report, false);
  EXPECT_THAT(text, HasSubstr("left out as too large: 1 (big.bin)"));
  EXPECT_THAT(text, HasSubstr("left out as no input, by name: 2 (x/.git, x/build)\n"));
  EXPECT_THAT(text, HasSubstr("failed: sha256 of file9: differs"));
  EXPECT_EQ(text.find("file10"), std::string::npos);
}

TEST(RenderReportJson, HoldsTheSameNumbers) {
  const std::string json = RenderReportJson(ReportOf(3, 1));
  EXPECT_THAT(json, HasSubstr(R"("tasks":4,"succeeded":3,"failed":1)"));
  EXPECT_THAT(json, HasSubstr(R"("threads":{"before":2,"peak":5,"after":3})"));
}

}  // namespace
}  // namespace taskforge::cli

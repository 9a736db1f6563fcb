#include "schedules/cron_expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"

namespace taskforge {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::CivilMinute At(absl::string_view text) {
  absl::CivilMinute minute;
  EXPECT_TRUE(absl::ParseLenientCivilTime(text, &minute)) << text;
  return minute;
}

CronExpression Parsed(absl::string_view text) {
  const absl::StatusOr<CronExpression> cron = CronExpression::Parse(text);
  EXPECT_TRUE(cron.ok()) << text << ": " << cron.status();
  return *cron;
}

std::string ErrorOf(absl::string_view text) {
  const absl::StatusOr<CronExpression> cron = CronExpression::Parse(text);
  EXPECT_EQ(cron.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(cron.status().message());
}

// The minutes that follow `from`, which counts itself.
std::vector<std::string> Next(absl::string_view text, absl::string_view from, int count) {
  const CronExpression cron = Parsed(text);
  std::vector<std::string> times;
  absl::CivilMinute minute = At(from);
  for (int i = 0; i < count; ++i) {
    minute = cron.NextFrom(minute);
    times.push_back(absl::FormatCivilTime(minute));
    ++minute;
  }
  return times;
}

struct Case {
  const char* cron;
  const char* from;
  std::vector<std::string> next;
};

// 2026-01-01 is a Thursday.
TEST(CronExpressionTest, NamesTheMinutesOfTheCalendar) {
  const std::vector<Case> cases = {
      {"* * * * *", "2026-01-01T00:00", {"2026-01-01T00:00", "2026-01-01T00:01"}},
      {"*/20 * * * *", "2026-01-01T23:30", {"2026-01-01T23:40", "2026-01-02T00:00"}},
      {"5,35-37 3 * * *", "2026-01-01T03:06", {"2026-01-01T03:35", "2026-01-01T03:36"}},
      {"10-50/20 0-23/12 * * *", "2026-01-01T00:31", {"2026-01-01T00:50", "2026-01-01T12:10"}},
      {"0 0 1 * *", "2026-12-01T00:01", {"2027-01-01T00:00", "2027-02-01T00:00"}},
      // Months without a 31st are passed over.
      {"0 12 31 * *", "2026-01-31T12:01", {"2026-03-31T12:00", "2026-05-31T12:00"}},
      // Leap years; 2100 is none.
      {"0 0 29 2 *", "2026-01-01T00:00", {"2028-02-29T00:00", "2032-02-29T00:00"}},
      {"0 0 29 2 *", "2096-03-01T00:00", {"2104-02-29T00:00"}},
      {"30 4 * * 1-5", "2026-01-02T04:31", {"2026-01-05T04:30", "2026-01-06T04:30"}},
      {"0 0 * * 0", "2026-01-01T00:00", {"2026-01-04T00:00", "2026-01-11T00:00"}},
      {"0 0 * * 7", "2026-01-01T00:00", {"2026-01-04T00:00", "2026-01-11T00:00"}},
      {"0 0 * * Fri-SUN",
       "2026-01-01T00:00",
       {"2026-01-02T00:00", "2026-01-03T00:00", "2026-01-04T00:00", "2026-01-09T00:00"}},
      {"0 0 * jun,DEC 3", "2026-01-01T00:00", {"2026-06-03T00:00", "2026-06-10T00:00"}},
      // Both days restricted: either.
      {"0 0 13 * 5",
       "2026-01-01T00:00",
       {"2026-01-02T00:00", "2026-01-09T00:00", "2026-01-13T00:00", "2026-01-16T00:00"}},
      // One begins with a star: both.
      {"0 0 1-7 * */7", "2026-01-01T00:00", {"2026-01-04T00:00", "2026-02-01T00:00"}},
      {"0 0 */2 * 1", "2026-01-01T00:00", {"2026-01-05T00:00", "2026-01-19T00:00"}},
      // The 29th of February on a Monday, across 2100: the longest wait.
      {"0 0 29 2 */7", "2088-03-01T00:00", {"2128-02-29T00:00"}},
      {"@hourly", "2026-01-01T00:01", {"2026-01-01T01:00"}},
      {"@daily", "2026-01-01T00:01", {"2026-01-02T00:00"}},
      {"@midnight", "2026-01-01T00:01", {"2026-01-02T00:00"}},
      {"@weekly", "2026-01-01T00:01", {"2026-01-04T00:00"}},
      {"@monthly", "2026-01-01T00:01", {"2026-02-01T00:00"}},
      {"@Yearly", "2026-01-01T00:01", {"2027-01-01T00:00"}},
      {"@annually", "2026-01-01T00:01", {"2027-01-01T00:00"}},
      {"  0\t0  * * *  ", "2026-01-01T00:01", {"2026-01-02T00:00"}},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(Next(each.cron, each.from, static_cast<int>(each.next.size())), each.next)
        << each.cron;
  }
}

// NextFrom leaves out no minute that matches, and gives none that does not.
TEST(CronExpressionTest, FindsWhatALookAtEachMinuteFinds) {
  for (const char* text : {"*/7 */5 * * *", "59 23 28-31 2,12 *", "0,30 6-8 1,15 * 1", "1 1 31 * *",
                           "0 0 */10 * mon", "*/31 13 * 2-3 sat,sun"}) {
    const CronExpression cron = Parsed(text);
    absl::CivilMinute expected = At("2027-12-25T00:00");
    absl::CivilMinute found = cron.NextFrom(expected);
    for (const absl::CivilMinute end = At("2028-03-05T00:00"); expected < end; ++expected) {
      if (!cron.Matches(expected)) continue;
      ASSERT_EQ(found, expected) << text;
      found = cron.NextFrom(expected + 1);
    }
    EXPECT_GE(found, expected) << text;
  }
}

TEST(CronExpressionTest, SaysWhetherEveryHourMatches) {
  EXPECT_TRUE(Parsed("0 * * * *").matches_every_hour());
  EXPECT_TRUE(Parsed("0 0-23 1 1 *").matches_every_hour());
  EXPECT_FALSE(Parsed("0 */2 * * *").matches_every_hour());
  EXPECT_FALSE(Parsed("* 0-22 * * *").matches_every_hour());
}

// Which field, where, what is wrong, and what would be right.
TEST(CronExpressionTest, SaysWhatIsWrongAndWhere) {
  const auto says = [](auto... parts) { return AllOf(HasSubstr(parts)...); };
  EXPECT_THAT(ErrorOf("61 * * * *"),
              says("minute field \"61\"", "character 1 ", "61 is out of range: 0 to 59"));
  EXPECT_THAT(ErrorOf("0 24 * * *"), says("hour field", "character 3 ", "0 to 23"));
  EXPECT_THAT(ErrorOf("0 0 0 * *"), says("day-of-month field", "1 to 31"));
  EXPECT_THAT(ErrorOf("0 0 1 13 *"), says("month field", "1 to 12"));
  EXPECT_THAT(ErrorOf("0 0 * * 8"), says("day-of-week field", "0 to 7"));
  EXPECT_THAT(ErrorOf("0 0 1 foo *"), says("\"foo\" is no value", "JAN to DEC"));
  EXPECT_THAT(ErrorOf("0 mon * * *"), says("hour field", "\"mon\" is no value"));
  EXPECT_THAT(ErrorOf("0 22-6 * * *"), says("runs backwards: want 22-23,0-6"));
  EXPECT_THAT(ErrorOf("0 0 * * 5-0"), says("runs backwards: want 5-7"));
  EXPECT_THAT(ErrorOf("0 0 * * 5-1"), says("runs backwards: want 5-6,0-1"));
  EXPECT_THAT(ErrorOf("5/10 * * * *"), says("a step needs a range or *: 5-59/N"));
  EXPECT_THAT(ErrorOf("*/0 * * * *"), says("\"0\" is no step: 1 to 59", "character 3 "));
  EXPECT_THAT(ErrorOf("*/ * * * *"), says("\"\" is no step"));
  EXPECT_THAT(ErrorOf("1,,2 * * * *"), says("character 3 ", "a value is expected here, not \",\""));
  EXPECT_THAT(ErrorOf("1- * * * *"), says("a value is expected here, but it ends"));
  EXPECT_THAT(ErrorOf("1;2 * * * *"), says("\";\" is not expected here"));
  EXPECT_THAT(ErrorOf("0 0 L * *"), says("\"L\" is no value"));
  EXPECT_THAT(ErrorOf("-5 * * * *"), says("a value is expected here, not \"-\""));
  EXPECT_THAT(ErrorOf("99999999999999999999 * * * *"), says("is no value"));
  EXPECT_THAT(ErrorOf("* * * *"), says("has 4 fields; want five: minute hour day-of-month"));
  EXPECT_THAT(ErrorOf("0 * * * * *"), says("has 6 fields", "no seconds, no year"));
  EXPECT_THAT(ErrorOf(""), says("has 0 fields"));
  EXPECT_THAT(ErrorOf("@reboot"), says("there is no \"@reboot\"", "@hourly, @daily"));
  EXPECT_THAT(ErrorOf(std::string(300, '1')), says("has 300 bytes; at most 256"));
}

TEST(CronExpressionTest, RefusesWhatNeverMatches) {
  EXPECT_THAT(ErrorOf("0 0 31 2,4,6,9,11 *"), HasSubstr("never matches"));
  EXPECT_THAT(ErrorOf("0 0 30 2 */2"), HasSubstr("never matches"));
  Parsed("0 0 31 2,3 *");
  Parsed("0 0 31 2 1");  // Each Monday in February.
}

}  // namespace
}  // namespace taskforge

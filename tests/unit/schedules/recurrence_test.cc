#include "schedules/recurrence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"

namespace taskforge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kBerlin[] = "Europe/Berlin";
constexpr char kNewYork[] = "America/New_York";

absl::TimeZone Zone(absl::string_view name) {
  const absl::StatusOr<absl::TimeZone> zone = FindTimeZone(name);
  EXPECT_TRUE(zone.ok()) << zone.status();
  return zone.value_or(absl::UTCTimeZone());
}

absl::Time At(absl::string_view text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << error;
  return time;
}

Recurrence Cron(absl::string_view cron, absl::string_view zone) {
  const absl::StatusOr<CronExpression> parsed = CronExpression::Parse(cron);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return Recurrence::Cron(*parsed, Zone(zone));
}

// The instants after `from`, in UTC.
std::vector<std::string> Next(const Recurrence& recurrence, absl::string_view from, int count) {
  std::vector<std::string> instants;
  absl::Time time = At(from);
  for (int i = 0; i < count; ++i) {
    time = recurrence.NextAfter(time);
    instants.push_back(absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::UTCTimeZone()));
  }
  return instants;
}

TEST(RecurrenceTest, CronFollowsTheZonesClock) {
  EXPECT_THAT(Next(Cron("0 12 * * *", ""), "2026-03-28T12:00:00Z", 1),
              ElementsAre("2026-03-29 12:00:00"));
  // From +1 to +2 between the two.
  EXPECT_THAT(Next(Cron("0 12 * * *", kBerlin), "2026-03-28T00:00:00Z", 2),
              ElementsAre("2026-03-28 11:00:00", "2026-03-29 10:00:00"));
  // From -4 to -5.
  EXPECT_THAT(Next(Cron("0 12 * * *", kNewYork), "2026-10-31T00:00:00Z", 2),
              ElementsAre("2026-10-31 16:00:00", "2026-11-01 17:00:00"));
  // Beyond the table of a zone's file, by its rule.
  EXPECT_THAT(Next(Cron("0 12 1 7 *", kBerlin), "2090-01-01T00:00:00Z", 1),
              ElementsAre("2090-07-01 10:00:00"));
}

// 2026-03-29, Berlin: 02:00 +1 becomes 03:00 +2, at 01:00Z.
TEST(RecurrenceTest, ATimeOfDayInAGapComesAtItsEnd) {
  EXPECT_THAT(Next(Cron("30 2 * * *", kBerlin), "2026-03-28T00:00:00Z", 3),
              ElementsAre("2026-03-28 01:30:00", "2026-03-29 01:00:00", "2026-03-30 00:30:00"));
  // All of a gap are one; and the one that is there anyway is the same.
  EXPECT_THAT(Next(Cron("*/20 2,3 * * *", kBerlin), "2026-03-29T00:00:00Z", 3),
              ElementsAre("2026-03-29 01:00:00", "2026-03-29 01:20:00", "2026-03-29 01:40:00"));
  // 2026-03-08, New York: at 07:00Z.
  EXPECT_THAT(Next(Cron("15 2 * * *", kNewYork), "2026-03-08T00:00:00Z", 2),
              ElementsAre("2026-03-08 07:00:00", "2026-03-09 06:15:00"));
  // A gap at midnight, 2026-04-24 in Cairo: at 22:00Z.
  EXPECT_THAT(Next(Cron("0 0 * * *", "Africa/Cairo"), "2026-04-23T00:00:00Z", 1),
              ElementsAre("2026-04-23 22:00:00"));
  // Samoa had no 30th of December in 2011.
  EXPECT_THAT(Next(Cron("0 8 30 12 *", "Pacific/Apia"), "2011-12-01T00:00:00Z", 1),
              ElementsAre("2011-12-30 10:00:00"));
}

// 2026-10-25, Berlin: 03:00 +2 becomes 02:00 +1, at 01:00Z.
TEST(RecurrenceTest, ATimeOfDayInAnOverlapComesOnce) {
  EXPECT_THAT(Next(Cron("30 2 * * *", kBerlin), "2026-10-24T12:00:00Z", 2),
              ElementsAre("2026-10-25 00:30:00", "2026-10-26 01:30:00"));
  // Also for who asks within the second pass.
  EXPECT_THAT(Next(Cron("30 2 * * *", kBerlin), "2026-10-25T01:10:00Z", 1),
              ElementsAre("2026-10-26 01:30:00"));
  EXPECT_THAT(Next(Cron("0 1-3 * * *", kBerlin), "2026-10-24T22:00:00Z", 4),
              ElementsAre("2026-10-24 23:00:00", "2026-10-25 00:00:00", "2026-10-25 02:00:00",
                          "2026-10-26 00:00:00"));
  // 2026-11-01, New York: 02:00 -4 becomes 01:00 -5, at 06:00Z.
  EXPECT_THAT(Next(Cron("45 1 * * *", kNewYork), "2026-11-01T00:00:00Z", 2),
              ElementsAre("2026-11-01 05:45:00", "2026-11-02 06:45:00"));
}

TEST(RecurrenceTest, EveryHourGoesByTheTimeThatPasses) {
  EXPECT_THAT(Next(Cron("30 * * * *", kBerlin), "2026-03-28T23:45:00Z", 3),
              ElementsAre("2026-03-29 00:30:00", "2026-03-29 01:30:00", "2026-03-29 02:30:00"));
  EXPECT_THAT(Next(Cron("30 * * * *", kBerlin), "2026-10-24T23:45:00Z", 3),
              ElementsAre("2026-10-25 00:30:00", "2026-10-25 01:30:00", "2026-10-25 02:30:00"));
  EXPECT_THAT(Next(Cron("*/30 * * * *", kNewYork), "2026-11-01T05:15:00Z", 3),
              ElementsAre("2026-11-01 05:30:00", "2026-11-01 06:00:00", "2026-11-01 06:30:00"));
  // Half an hour is repeated on Lord Howe Island, 2026-04-05: 02:00 becomes 01:30, at 15:00Z.
  EXPECT_THAT(Next(Cron("0,45 * * * *", "Australia/Lord_Howe"), "2026-04-04T14:30:00Z", 3),
              ElementsAre("2026-04-04 14:45:00", "2026-04-04 15:15:00", "2026-04-04 15:30:00"));
  // Far away, over many changes.
  EXPECT_THAT(Next(Cron("0 * 29 2 *", kBerlin), "2025-01-01T00:00:00Z", 1),
              ElementsAre("2028-02-28 23:00:00"));
}

// What the header defines, looked up minute by minute.
TEST(RecurrenceTest, AgreesWithALookAtEachMinute) {
  constexpr const char* kZones[] = {kBerlin, kNewYork, "Australia/Lord_Howe", "Africa/Cairo",
                                    "Asia/Kathmandu"};
  constexpr const char* kCrons[] = {"*/17 * * * *", "*/17 1-3 * * *", "5,50 0,2,23 * * 0",
                                    "0 2 25-31 * *", "59 * * 4 *"};
  for (const char* zone_name : kZones) {
    const absl::TimeZone zone = Zone(zone_name);
    for (const char* text : kCrons) {
      const CronExpression cron = *CronExpression::Parse(text);
      const Recurrence recurrence = Recurrence::Cron(cron, zone);
      absl::Time next = recurrence.NextAfter(At("2026-02-28T23:59:00Z"));
      for (absl::Time at = At("2026-03-01T00:00:00Z"); at < At("2026-11-05T00:00:00Z");
           at += absl::Minutes(1)) {
        const absl::CivilMinute shown(zone.At(at).cs);
        const absl::TimeZone::TimeInfo info = zone.At(absl::CivilSecond(shown));
        bool expected = cron.Matches(shown);
        if (!cron.matches_every_hour()) {
          if (info.kind == absl::TimeZone::TimeInfo::REPEATED) expected &= info.pre == at;
          const absl::CivilMinute before(zone.At(at - absl::Minutes(1)).cs);
          for (absl::CivilMinute gap = before + 1; gap < shown; ++gap) {
            expected |= cron.Matches(gap);
          }
        }
        ASSERT_EQ(next == at, expected) << zone_name << " " << text << " " << at;
        if (expected) next = recurrence.NextAfter(at);
      }
    }
  }
}

TEST(RecurrenceTest, AnIntervalCountsFromItsAnchor) {
  const Recurrence every = Recurrence::Interval(absl::Seconds(90), At("2026-03-29T00:59:00Z"));
  EXPECT_THAT(Next(every, "2026-03-29T00:59:00Z", 2),
              ElementsAre("2026-03-29 01:00:30", "2026-03-29 01:02:00"));
  EXPECT_THAT(Next(every, "2026-03-29T01:00:29.999Z", 1), ElementsAre("2026-03-29 01:00:30"));
  EXPECT_THAT(Next(every, "2020-01-01T00:00:00Z", 1), ElementsAre("2026-03-29 01:00:30"));
}

TEST(RecurrenceTest, TellsTheLastAndHowMany) {
  const absl::Time after = At("2026-01-01T00:00:00Z");
  const absl::Time until = At("2026-01-01T00:10:00Z");
  const Recurrence cron = Cron("*/5 * * * *", "");
  EXPECT_EQ(cron.LastIn(after, until), until);
  EXPECT_EQ(cron.CountIn(after, until, 100), 2U);
  EXPECT_EQ(cron.CountIn(after, until, 1), 1U);
  EXPECT_EQ(cron.LastIn(until, until + absl::Minutes(4)), absl::InfinitePast());
  EXPECT_EQ(cron.CountIn(until, after, 100), 0U);
  // A long time ago, and rare.
  EXPECT_EQ(Cron("0 0 29 2 *", "").LastIn(At("2020-01-01T00:00:00Z"), after),
            At("2024-02-29T00:00:00Z"));
  const Recurrence every = Recurrence::Interval(absl::Seconds(60), after);
  EXPECT_EQ(every.LastIn(after, until + absl::Seconds(1)), until);
  EXPECT_EQ(every.CountIn(after, until, 100), 10U);
  EXPECT_EQ(every.LastIn(until, until + absl::Seconds(59)), absl::InfinitePast());
  EXPECT_EQ(every.LastIn(after - absl::Hours(1), after), absl::InfinitePast());
}

TEST(RecurrenceTest, KnowsTheSystemsZonesAlone) {
  EXPECT_TRUE(FindTimeZone("").ok());
  EXPECT_TRUE(FindTimeZone("UTC").ok());
  EXPECT_TRUE(FindTimeZone("Etc/GMT+5").ok());
  for (const char* name : {"Europe/Nowhere", "localtime", "libc:localtime", "/etc/localtime",
                           "file:/etc/localtime", "../zoneinfo/UTC", "Fixed/UTC+01:00:00", " "}) {
    EXPECT_THAT(std::string(FindTimeZone(name).status().message()), HasSubstr("IANA")) << name;
  }
}

}  // namespace
}  // namespace taskforge

#include "cli/format.h"

#include <gtest/gtest.h>

namespace taskforge::cli {
namespace {

TEST(DurationText, ChoosesTheUnitThatReads) {
  EXPECT_EQ(DurationText(absl::ZeroDuration()), "0 ns");
  EXPECT_EQ(DurationText(absl::Nanoseconds(850)), "850 ns");
  EXPECT_EQ(DurationText(absl::Nanoseconds(1200)), "1.2 µs");
  EXPECT_EQ(DurationText(absl::Microseconds(80)), "80 µs");
  EXPECT_EQ(DurationText(absl::Microseconds(1200)), "1.2 ms");
  EXPECT_EQ(DurationText(absl::Milliseconds(3500)), "3.5 s");
  EXPECT_EQ(DurationText(absl::Seconds(125)), "2 min 5 s");
  EXPECT_EQ(DurationText(absl::Minutes(187)), "3 h 7 min");
  EXPECT_EQ(DurationText(-absl::Milliseconds(12)), "-12 ms");
  EXPECT_EQ(DurationText(absl::InfiniteDuration()), "for ever");
}

TEST(DurationText, NeverRoundsUpToAThousand) {
  EXPECT_EQ(DurationText(absl::Nanoseconds(999999)), "1.0 ms");
  EXPECT_EQ(DurationText(absl::Microseconds(999999)), "1.0 s");
  EXPECT_EQ(DurationText(absl::Milliseconds(59990)), "1 min 0 s");
  EXPECT_EQ(DurationText(absl::Microseconds(9960)), "10 ms");
}

TEST(FormatBytes, UsesPowersOf1024) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(FormatBytes(uint64_t{3} << 20), "3.0 MiB");
}

TEST(FormatCount, GroupsByThousands) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(1234567), "1,234,567");
}

TEST(FormatEnum, DropsThePrefixAndTheUnspecified) {
  EXPECT_EQ(FormatPriority(v1::PRIORITY_CRITICAL), "critical");
  EXPECT_EQ(FormatPriority(v1::PRIORITY_UNSPECIFIED), "default");
  EXPECT_EQ(FormatState(v1::TASK_STATE_RUNNING), "running");
  EXPECT_EQ(FormatState(v1::TASK_STATE_UNSPECIFIED), "unknown");
  EXPECT_EQ(FormatEnum(v1::WaitReason_Name(v1::WAIT_REASON_NO_WORKER), "WAIT_REASON_"),
            "no_worker");
}

TEST(ParseCpus, TakesNumbersRangesAndNone) {
  EXPECT_EQ(ParseCpus("3"), std::vector<int>{3});
  EXPECT_EQ(ParseCpus("6,0-2,1"), (std::vector<int>{0, 1, 2, 6}));
  EXPECT_EQ(ParseCpus("none"), std::vector<int>());
  for (const char* wrong : {"", "all", "-1", "2-1", "0,", "0-", "1.5", "0-4096", "none,1"}) {
    EXPECT_EQ(ParseCpus(wrong), std::nullopt) << wrong;
  }
}

TEST(ParsePriority, KnowsItsNamesOnly) {
  EXPECT_EQ(ParsePriority("low"), v1::PRIORITY_LOW);
  EXPECT_EQ(ParsePriority("High"), v1::PRIORITY_HIGH);
  EXPECT_EQ(ParsePriority(""), std::nullopt);
  EXPECT_EQ(ParsePriority("40"), std::nullopt);
  EXPECT_EQ(ParsePriority("urgent"), std::nullopt);
}

TEST(ParseDurationText, TakesUnitsAndBareSeconds) {
  EXPECT_EQ(ParseDurationText("80ms"), absl::Milliseconds(80));
  EXPECT_EQ(ParseDurationText("1.5"), absl::Milliseconds(1500));
  EXPECT_EQ(ParseDurationText("2m30s"), absl::Seconds(150));
  EXPECT_EQ(ParseDurationText("-1s"), std::nullopt);
  EXPECT_EQ(ParseDurationText("inf"), std::nullopt);
  EXPECT_EQ(ParseDurationText("nan"), std::nullopt);
  EXPECT_EQ(ParseDurationText("soon"), std::nullopt);
  EXPECT_EQ(ParseDurationText(""), std::nullopt);
}

TEST(Conversion, KeepsNanosecondsBothWays) {
  google::protobuf::Duration duration;
  SetDuration(absl::Seconds(3) + absl::Nanoseconds(7), duration);
  EXPECT_EQ(duration.seconds(), 3);
  EXPECT_EQ(duration.nanos(), 7);
  EXPECT_EQ(ToDuration(duration), absl::Seconds(3) + absl::Nanoseconds(7));
  google::protobuf::Timestamp time;
  SetTime(absl::FromUnixSeconds(-1) + absl::Nanoseconds(5), time);
  EXPECT_EQ(time.seconds(), -1);
  EXPECT_EQ(time.nanos(), 5);
  EXPECT_EQ(ToTime(time), absl::FromUnixSeconds(-1) + absl::Nanoseconds(5));
}

TEST(FormatTime, SaysWhenItIsNotSet) { EXPECT_EQ(FormatTime(google::protobuf::Timestamp()), "-"); }

TEST(Percentile, IsTheNearestRank) {
  std::vector<absl::Duration> values;
  for (int i = 100; i >= 1; --i) values.push_back(absl::Milliseconds(i));
  EXPECT_EQ(Percentile(values, 0.5), absl::Milliseconds(50));
  EXPECT_EQ(Percentile(values, 0.99), absl::Milliseconds(99));
  EXPECT_EQ(Percentile(values, 1.0), absl::Milliseconds(100));
  EXPECT_EQ(Percentile(values, 0.0), absl::Milliseconds(1));
  EXPECT_EQ(Percentile({absl::Seconds(2)}, 0.99), absl::Seconds(2));
  EXPECT_EQ(Percentile({}, 0.5), absl::ZeroDuration());
}

TEST(Printable, LetsNoControlCharacterThrough) {
  EXPECT_EQ(Printable("plain µ"), "plain µ");
  EXPECT_EQ(Printable(R"(a "quoted" \ path)"), R"(a "quoted" \ path)");
  const std::string shown = Printable("a\x1b[31mb\nc");
  EXPECT_EQ(shown.find('\x1b'), std::string::npos);
  EXPECT_EQ(shown.find('\n'), std::string::npos);
  EXPECT_EQ(Printable("abcdef", 3), "abc…");
}

}  // namespace
}  // namespace taskforge::cli

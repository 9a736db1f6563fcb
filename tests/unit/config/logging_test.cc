#include "config/logging.h"

#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

const absl::Time kTime = absl::FromUnixMillis(1700000000123);

std::string Format(LogFormat format, absl::string_view message, Log::Fields fields) {
  LoggingOptions options;
  options.format = format;
  options.value_bytes_max = 16;
  return FormatLogLine(options, kTime, LogLevel::kWarning, message, fields);
}

// A stream in memory, as a file that is gone when closed.
class MemoryStream {
 public:
  MemoryStream() : stream_(open_memstream(&text_, &size_)) {}
  ~MemoryStream() {
    std::fclose(stream_);
    free(text_);
  }
  std::FILE* get() { return stream_; }
  std::vector<std::string> Lines() {
    std::fflush(stream_);
    return absl::StrSplit(absl::string_view(text_, size_), '\n', absl::SkipEmpty());
  }

 private:
  char* text_ = nullptr;
  size_t size_ = 0;
  std::FILE* stream_;
};

TEST(FormatLogLineTest, TextIsOneReadableLine) {
  EXPECT_EQ(Format(LogFormat::kText, "resized",
                   {{"threads", 8}, {"reason", "queue waits"}, {"grew", true}, {"load", 0.5}}),
            "2023-11-14T22:13:20.123Z WARN  resized threads=8 reason=\"queue waits\" grew=true "
            "load=0.5");
}

TEST(FormatLogLineTest, JsonIsOneObject) {
  EXPECT_EQ(Format(LogFormat::kJson, "resized", {{"threads", 8}, {"reason", "queue"}}),
            R"({"time":"2023-11-14T22:13:20.123Z","level":"warning","message":"resized",)"
            R"("threads":8,"reason":"queue"})");
}

// A client that sends line breaks or terminal escapes cannot forge a line.
TEST(FormatLogLineTest, EscapesWhatAClientSends) {
  const std::string forged = "a\n2023 \x1b[2J\xff\"=";
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    const std::string line = Format(format, forged, {{"task", forged}});
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    EXPECT_EQ(line.find('\x1b'), std::string::npos) << line;
    EXPECT_EQ(line.find('\xff'), std::string::npos) << line;
    EXPECT_THAT(line, HasSubstr(R"(a\n2023 \u001b[2J)"));
  }
}

TEST(FormatLogLineTest, CutsLongValuesAndSaysSo) {
  const std::string longer(20, 'x');
  EXPECT_THAT(Format(LogFormat::kText, "m", {{"task", longer}}),
              HasSubstr("task=\"xxxxxxxxxxxxxxxx...(4 bytes more)\""));
  EXPECT_THAT(Format(LogFormat::kJson, longer, {}), HasSubstr("...(4 bytes more)"));
}

TEST(FormatLogLineTest, QuotesAnEmptyValue) {
  EXPECT_THAT(Format(LogFormat::kText, "m", {{"task", ""}}), HasSubstr(" task=\"\""));
}

TEST(FormatLogLineTest, NotANumberIsNoJsonLiteral) {
  EXPECT_THAT(Format(LogFormat::kJson, "m", {{"load", 0.0 / 0.0}}), HasSubstr("\"load\":\""));
}

TEST(ParseLogTest, KnowsItsNamesAndListsThemInTheError) {
  EXPECT_EQ(*ParseLogFormat("json"), LogFormat::kJson);
  EXPECT_EQ(*ParseLogLevel("warning"), LogLevel::kWarning);
  EXPECT_THAT(ParseLogFormat("xml").status().message(), HasSubstr("text, json"));
  EXPECT_THAT(ParseLogLevel("loud").status().message(), HasSubstr("debug, info, warning, error"));
}

TEST(StreamLogTest, WritesWhatWaitsBeforeItIsGone) {
  MemoryStream stream;
  SystemClock clock;
  {
    StreamLog log(LoggingOptions{}, clock, stream.get());
    for (int i = 0; i < 100; ++i) log.Info("line", {{"number", i}});
  }
  const std::vector<std::string> lines = stream.Lines();
  ASSERT_THAT(lines, SizeIs(100));
  EXPECT_THAT(lines.back(), HasSubstr("INFO  line number=99"));
}

TEST(StreamLogTest, LeavesOutWhatIsBelowTheLevel) {
  MemoryStream stream;
  SystemClock clock;
  {
    LoggingOptions options;
    options.level = LogLevel::kWarning;
    StreamLog log(options, clock, stream.get());
    log.Info("quiet");
    log.Error("loud");
  }
  EXPECT_THAT(stream.Lines(), ::testing::ElementsAre(HasSubstr("loud")));
}

TEST(StreamLogTest, TheLevelChangesWhileItRuns) {
  MemoryStream stream;
  SystemClock clock;
  {
    StreamLog log(LoggingOptions{}, clock, stream.get());
    log.Debug("one");
    log.SetLevel(LogLevel::kDebug);
    log.Debug("two");
    log.SetLevel(LogLevel::kError);
    log.Warn("three");
  }
  EXPECT_THAT(stream.Lines(), ::testing::ElementsAre(HasSubstr("two")));
}

// What does not fit is dropped, never waited for: written + dropped = logged.
TEST(StreamLogTest, CountsWhatItDrops) {
  for (const int threads : {1, 2, 8}) {
    MemoryStream stream;
    SystemClock clock;
    uint64_t dropped = 0;
    constexpr int kLines = 2000;
    {
      LoggingOptions options;
      options.queue_lines = 4;
      StreamLog log(options, clock, stream.get());
      flockfile(stream.get());  // The stream takes nothing meanwhile.
      std::vector<std::thread> writers;
      for (int t = 0; t < threads; ++t) {
        writers.emplace_back([&log] {
          for (int i = 0; i < kLines; ++i) log.Info("line");
        });
      }
      for (std::thread& writer : writers) writer.join();
      dropped = log.dropped_messages();
      funlockfile(stream.get());
    }
    const uint64_t logged = static_cast<uint64_t>(threads) * kLines;
    EXPECT_EQ(stream.Lines().size() + dropped, logged) << threads;
    EXPECT_GT(dropped, 0u) << threads;
  }
}

}  // namespace
}  // namespace taskforge

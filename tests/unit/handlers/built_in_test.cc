#include "handlers/built_in.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <thread>

#include "support/fake_attempt.h"
#include "support/fake_clock.h"
#include "support/fake_timer.h"

namespace taskforge {
namespace {

std::string Gunzip(const std::string& data) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(EchoHandler, ReturnsItsInput) {
  EXPECT_EQ(StartHandler(*MakeEchoHandler(), "hello")->output().data, "hello");
}

// The examples of FIPS 180-2.
TEST(Sha256Handler, AgreesWithTheStandard) {
  EXPECT_EQ(StartHandler(*MakeSha256Handler(), "abc")->output().data,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(StartHandler(*MakeSha256Handler(), "")->output().data,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(WordcountHandler, CountsAsWcDoes) {
  const auto count = [](const char* text) {
    return StartHandler(*MakeWordcountHandler(), text)->output().data.str();
  };
  EXPECT_EQ(count(""), R"({"lines":0,"words":0,"bytes":0})");
  EXPECT_EQ(count("one two\nthree"), R"({"lines":1,"words":3,"bytes":13})");
  EXPECT_EQ(count(" \n\n x "), R"({"lines":2,"words":1,"bytes":6})");
}

TEST(CompressHandler, GivesGzipOfItsInput) {
  const std::string text(100'000, 'a');
  const std::string zipped = StartHandler(*MakeCompressHandler(), text)->output().data.str();
  EXPECT_LT(zipped.size(), 1000u);
  EXPECT_EQ(Gunzip(zipped), text);
  EXPECT_EQ(StartHandler(*MakeCompressHandler(), text)->output().data, zipped);
  EXPECT_EQ(Gunzip(StartHandler(*MakeCompressHandler(), "")->output().data.str()), "");
}

// What a thread keeps from one input to the next is not to be seen in the output.
TEST(CompressHandler, TheInputBeforeLeavesNothingBehind) {
  const auto handler = MakeCompressHandler();
  std::vector<std::string> inputs = {std::string(70'000, 'x'), "", "abc", "abcabcabc"};
  std::vector<std::string> alone;
  for (const std::string& input : inputs) {
    std::thread([&] {
      alone.push_back(StartHandler(*handler, input)->output().data.str());
    }).join();
  }
  for (size_t i = 0; i < 3 * inputs.size(); ++i) {
    const size_t which = i * 7 % inputs.size();
    EXPECT_EQ(StartHandler(*handler, inputs[which])->output().data, alone[which]);
    EXPECT_EQ(Gunzip(alone[which]), inputs[which]);
  }
}

TEST(FailHandler, FailsAsAsked) {
  const auto attempt = StartHandler(*MakeFailHandler(),
                                    R"({"reason":"FLAKY","message":"no luck","retryable":false})");
  EXPECT_EQ(attempt->error().reason, "FLAKY");
  EXPECT_EQ(attempt->error().message, "no luck");
  EXPECT_FALSE(attempt->error().retryable);
  EXPECT_TRUE(StartHandler(*MakeFailHandler(), "")->error().retryable);
}

TEST(FailHandler, SucceedsAfterSoManyAttempts) {
  const auto handler = MakeFailHandler();
  EXPECT_TRUE(StartHandler(*handler, R"({"attempts":2})", 2)->error().retryable);
  EXPECT_EQ(StartHandler(*handler, R"({"attempts":2})", 3)->output().data,
            "succeeded in attempt 3");
}

TEST(FailHandler, RefusesWhatItDoesNotKnow) {
  const TaskError error = StartHandler(*MakeFailHandler(), R"({"reasons":"X"})")->error();
  EXPECT_EQ(error.reason, "INVALID_INPUT");
  EXPECT_EQ(error.code, absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(error.retryable);
}

class SleepHandlerTest : public testing::Test {
 protected:
  FakeClock clock_;
  FakeTimer timer_{clock_};
  std::unique_ptr<Handler> handler_ = MakeSleepHandler(clock_, timer_, BlockingScope());
};

TEST_F(SleepHandlerTest, CompletesByTheTimerAndHoldsNoThread) {
  const auto attempt = StartHandler(*handler_, "100ms");
  clock_.Advance(absl::Milliseconds(99));
  EXPECT_FALSE(attempt->has_ended());
  clock_.Advance(absl::Milliseconds(1));
  ASSERT_TRUE(attempt->has_ended());
  EXPECT_EQ(attempt->output().data, "slept 100ms");
}

TEST_F(SleepHandlerTest, StopsWhenAskedAndDropsItsTimer) {
  const auto attempt = StartHandler(*handler_, R"({"duration":"1h"})");
  attempt->RequestStop(StopReason::kCancelled);
  ASSERT_TRUE(attempt->has_ended());
  EXPECT_EQ(attempt->error().reason, "STOPPED");
  EXPECT_EQ(timer_.pending(), 0u);
}

TEST_F(SleepHandlerTest, StopsAtOnceWhenAskedBeforeItStarts) {
  auto attempt = MakeRef<FakeAttempt>("1h");
  attempt->RequestStop(StopReason::kShutdown);
  handler_->Start(Attempt(attempt), Completion(attempt));
  EXPECT_TRUE(attempt->has_ended());
  EXPECT_EQ(timer_.pending(), 0u);
}

TEST_F(SleepHandlerTest, DeclaresThatItBlocks) {
  int scopes = 0;
  const auto handler = MakeSleepHandler(clock_, timer_, [&](absl::AnyInvocable<void() &&> body) {
    ++scopes;
    std::move(body)();
  });
  const auto attempt = StartHandler(*handler, R"({"duration":"1ms","blocking":true})");
  EXPECT_TRUE(attempt->has_ended());
  EXPECT_EQ(scopes, 1);
  StartHandler(*handler, "1ms");
  EXPECT_EQ(scopes, 1);
}

TEST_F(SleepHandlerTest, StopsWhileItBlocks) {
  auto attempt = MakeRef<FakeAttempt>(R"({"duration":"1h","blocking":true})");
  std::thread thread([&] { handler_->Start(Attempt(attempt), Completion(attempt)); });
  attempt->RequestStop(StopReason::kTimeout);
  thread.join();
  EXPECT_EQ(attempt->error().reason, "STOPPED");
}

TEST_F(SleepHandlerTest, RefusesInputThatIsNoDuration) {
  for (const char* input : {"", "soon", "-1s", "25h", "{", R"({"duration":3})",
                            R"({"duration":"1s","blocking":"yes"})", R"({"duration":"1s"} x)"}) {
    EXPECT_EQ(StartHandler(*handler_, input)->error().reason, "INVALID_INPUT") << input;
  }
}

TEST(SpinHandler, SpinsForItsTime) {
  const SystemClock clock;
  const MonoTime start = clock.Monotonic();
  EXPECT_TRUE(StartHandler(*MakeSpinHandler(clock), "2ms")->has_ended());
  EXPECT_GE(clock.Monotonic() - start, 2'000'000);
}

TEST(SpinHandler, StopsWhenAsked) {
  const SystemClock clock;
  const auto handler = MakeSpinHandler(clock);
  auto attempt = MakeRef<FakeAttempt>("1h");
  std::thread thread([&] { handler->Start(Attempt(attempt), Completion(attempt)); });
  attempt->RequestStop(StopReason::kTimeout);
  thread.join();
  EXPECT_EQ(attempt->error().reason, "STOPPED");
}

TEST(SpinHandler, RefusesInputThatIsNoDuration) {
  const SystemClock clock;
  EXPECT_EQ(StartHandler(*MakeSpinHandler(clock), "2h")->error().reason, "INVALID_INPUT");
}

TEST(SyncHandler, TurnsExceptionsIntoErrors) {
  HandlerInfo info;
  info.name = "thrower";
  SyncHandler handler(info, [](const Attempt& attempt) -> HandlerResult {
    if (attempt.input().data == "x") throw 1;
    throw std::runtime_error("oh");
  });
  EXPECT_EQ(StartHandler(handler, "")->error().reason, "EXCEPTION");
  EXPECT_EQ(StartHandler(handler, "")->error().message, "the handler threw: oh");
  EXPECT_TRUE(StartHandler(handler, "x")->error().retryable);
}

TEST(RegisterBuiltIns, RegistersEachByItsName) {
  FakeClock clock;
  FakeTimer timer(clock);
  HandlerRegistry registry;
  auto registrations = RegisterBuiltIns(registry, clock, timer, BlockingScope());
  ASSERT_TRUE(registrations.ok());
  std::vector<std::string> names;
  for (const HandlerStatus& status : registry.List()) names.push_back(status.info.name);
  EXPECT_EQ(names, (std::vector<std::string>{"compress", "echo", "fail", "sha256", "sleep", "spin",
                                             "wordcount"}));
}

}  // namespace
}  // namespace taskforge

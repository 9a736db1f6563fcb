// The whole command line, parsed but not run.
#include "cli/commands.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cli/task_options.h"

namespace taskforge::cli {
namespace {

class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() { AddCommands(app_, session_, action_); }

  // Whether the words are a command line.
  bool Parses(std::vector<std::string> words) {
    std::reverse(words.begin(), words.end());
    action_ = nullptr;
    try {
      app_.parse(words);
    } catch (const CLI::ParseError&) {
      return false;
    }
    return action_ != nullptr;
  }

  Session session_;
  CLI::App app_{"test", "taskforge"};
  Action action_;
};

TEST_F(CommandsTest, KnowsEveryCommand) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"run", "echo", "hello"},
           {"run", "echo", "--input", "@file", "--text", "--priority", "high", "--timeout", "3s"},
           {"submit", "echo"},
           {"submit", "-f", "tasks.jsonl", "--results"},
           {"task", "ls", "--state", "running", "--limit", "7"},
           {"task", "ls", "--dead"},
           {"task", "get", "a"},
           {"task", "watch", "a"},
           {"task", "wait", "a", "--for", "5s"},
           {"task", "cancel", "a", "b"},
           {"task", "retry", "a"},
           {"task", "explain", "a", "--watch"},
           {"task", "delete", "a"},
           {"pub", "a.b", "data"},
           {"sub", "a.*", "b.>"},
           {"topic", "ls"},
           {"topic", "ls", "orders.>"},
           {"subscription", "ls", "--watch"},
           {"pool", "get"},
           {"pool", "watch"},
           {"pool", "set", "--min", "2", "--allow-growth", "false"},
           {"pool", "resizes"},
           {"queue", "ls", "--watch"},
           {"queue", "get", "mail"},
           {"queue", "create", "mail", "--max-tasks", "7", "--max-bytes", "64KiB"},
           {"queue", "update", "mail", "--default-priority", "none"},
           {"queue", "rm", "mail", "other"},
           {"queue", "pause", "mail", "--reason", "down"},
           {"queue", "resume", "mail"},
           {"queue", "purge", "mail", "--reason", "too old"},
           {"schedule", "ls", "--watch"},
           {"schedule", "get", "nightly"},
           {"schedule", "create", "nightly", "echo", "hello", "--cron", "0 2 * * *", "--time-zone",
            "Europe/Berlin", "--overlap", "queue-one", "--missed", "run-once"},
           {"schedule", "create", "often", "echo", "--every", "90s", "--queue", "mail"},
           {"schedule", "update", "nightly", "--cron", "@daily"},
           {"schedule", "pause", "nightly", "--reason", "holidays"},
           {"schedule", "resume", "nightly"},
           {"schedule", "delete", "nightly", "often"},
           {"handler", "ls"},
           {"handler", "get", "echo"},
           {"worker", "ls"},
           {"top", "--once"},
           {"server", "info"},
           {"server", "drain", "--timeout", "10s"},
           {"protos", "--out", "dir"},
           {"completion", "bash"},
           {"version"},
           {"main-job", "dir", "--json", "file"},
           {"demo", "crash", "--tasks", "100", "--taskforged", "file", "--keep"}}) {
    EXPECT_TRUE(Parses(words)) << ::testing::PrintToString(words);
  }
}

TEST_F(CommandsTest, RefusesWhatIsNone) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{},
                                             {"fly"},
                                             {"run"},
                                             {"task"},
                                             {"task", "get"},
                                             {"topic"},
                                             {"subscription", "ls", "orders.>"},
                                             {"run", "echo", "--priority", "urgent"},
                                             {"run", "echo", "--timeout", "soon"},
                                             {"run", "echo", "--label", "novalue"},
                                             {"task", "ls", "--state", "lost"},
                                             {"task", "ls", "--dead", "--state", "failed"},
                                             {"-o", "xml", "server", "info"},
                                             {"completion", "tcsh"},
                                             {"run", "echo", "--watch"},
                                             {"submit", "echo", "--watch"},
                                             {"pub", "a.b", "--watch"},
                                             {"sub", "a.b", "--watch"},
                                             {"task", "cancel", "a", "--watch"},
                                             {"pool", "set", "--min", "2", "--watch"}}) {
    EXPECT_FALSE(Parses(words)) << ::testing::PrintToString(words);
  }
}

TEST_F(CommandsTest, SaysWhatIsWrongAndWhereTheHelpIs) {
  const auto message = [this](std::vector<std::string> words) {
    std::reverse(words.begin(), words.end());
    try {
      app_.parse(words);
    } catch (const CLI::ParseError& error) {
      return RenderParseError(app_, error);
    }
    return std::string("parsed");
  };
  EXPECT_EQ(message({"fly"}),
            "error: INVALID_ARGUMENT: there is no command `fly`\ntry: taskforge --help\n");
  EXPECT_EQ(message({"task", "fly"}),
            "error: INVALID_ARGUMENT: there is no command `fly`\ntry: taskforge task --help\n");
  EXPECT_EQ(message({"task", "get"}),
            "error: INVALID_ARGUMENT: TASK is required\ntry: taskforge task get --help\n");
  EXPECT_EQ(message({"task", "ls", "--limit", "0"}).substr(0, 34),
            "error: INVALID_ARGUMENT: --limit: ");
}

TEST_F(CommandsTest, TakesGlobalOptionsBeforeAndAfterTheCommand) {
  ASSERT_TRUE(Parses({"--server", "before:1", "server", "info"}));
  EXPECT_EQ(session_.options.server, "before:1");
  ASSERT_TRUE(Parses({"task", "ls", "--server", "after:2", "-o", "jsonl", "--deadline", "2s"}));
  EXPECT_EQ(session_.options.server, "after:2");
  EXPECT_EQ(session_.options.output, OutputFormat::kJsonLines);
  EXPECT_EQ(session_.options.deadline, absl::Seconds(2));
}

TEST_F(CommandsTest, WatchesWhatShowsSomething) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"task", "ls", "--watch"},
                                             {"task", "get", "a", "--watch"},
                                             {"handler", "ls", "--watch"},
                                             {"handler", "get", "echo", "--watch"},
                                             {"worker", "ls", "--watch"},
                                             {"pool", "get", "--watch"},
                                             {"pool", "resizes", "--watch"},
                                             {"server", "info", "--watch"}}) {
    session_.options.watch = false;
    EXPECT_TRUE(Parses(words)) << ::testing::PrintToString(words);
    EXPECT_TRUE(session_.options.watch) << ::testing::PrintToString(words);
  }
}

// Each by itself: what a line before it named would count too.
bool ParsesAlone(std::vector<std::string> words) {
  Session session;
  CLI::App app{"test", "taskforge"};
  Action action;
  AddCommands(app, session, action);
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
  } catch (const CLI::ParseError&) {
    return false;
  }
  return action != nullptr;
}

TEST(TaskCommands, TakeNamesOrASelection) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"task", "cancel", "a", "b"},
           {"task", "cancel", "--queue", "mail", "--state", "queued", "--dry-run"},
           {"task", "cancel", "--all"},
           {"task", "retry", "a"},
           {"task", "retry", "--state", "expired"},
           {"task", "retry", "--dead", "--handler", "echo", "--request-id", "again"}}) {
    EXPECT_TRUE(ParsesAlone(words)) << ::testing::PrintToString(words);
  }
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"task", "cancel"},
                                             {"task", "cancel", "a", "--all"},
                                             {"task", "cancel", "a", "--queue", "mail"},
                                             {"task", "cancel", "a", "--dry-run"},
                                             {"task", "cancel", "--dry-run"},
                                             {"task", "retry"},
                                             {"task", "retry", "a", "--dead"},
                                             {"task", "retry", "--queue", "mail"},
                                             {"task", "retry", "--dead", "--state", "failed"}}) {
    EXPECT_FALSE(ParsesAlone(words)) << ::testing::PrintToString(words);
  }
}

TEST_F(CommandsTest, HidesTheMainJobFromTheShortHelp) {
  EXPECT_EQ(app_.help().find("main-job"), std::string::npos);
  EXPECT_NE(app_.help().find("submit"), std::string::npos);
}

TEST(TaskOptions, MakesATask) {
  TaskOptions options;
  options.handler = "echo";
  options.input = "hi";
  options.priority = "critical";
  options.run_timeout = "250ms";
  options.max_attempts = 3;
  options.labels = {"team=a=b"};
  options.queue = "mail";
  options.request_id = "r";
  const v1::SubmitTaskRequest request = options.MakeRequest().value();
  EXPECT_EQ(request.parent(), "queues/mail");
  EXPECT_EQ(request.request_id(), "r");
  EXPECT_EQ(request.task().handler(), "echo");
  EXPECT_EQ(request.task().input().text_data(), "hi");
  EXPECT_EQ(request.task().priority(), v1::PRIORITY_CRITICAL);
  EXPECT_EQ(request.task().run_timeout().nanos(), 250000000);
  EXPECT_EQ(request.task().retry_policy().max_attempts(), 3);
  EXPECT_EQ(request.task().labels().at("team"), "a=b");
  EXPECT_FALSE(request.task().has_deadline());
}

TEST(Session, EndsCallsThatOpenAfterAnInterrupt) {
  Session session;
  EXPECT_FALSE(session.interrupted());
  session.Interrupt();
  EXPECT_TRUE(session.interrupted());
  EXPECT_FALSE(session.Sleep(absl::Seconds(60)));
}

}  // namespace
}  // namespace taskforge::cli

// `topic ls` and `subscription ls` against a server that answers in pages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "taskforge/v1/bus_service.grpc.pb.h"

namespace taskforge::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Two pages of one topic, and of one subscription. Thread-safe: constant during a call.
class FakeBusService final : public v1::BusService::Service {
 public:
  grpc::Status ListTopics(grpc::ServerContext*, const v1::ListTopicsRequest* request,
                          v1::ListTopicsResponse* response) override {
    if (request->filter() == "..") return {grpc::StatusCode::INVALID_ARGUMENT, "no filter"};
    const bool is_first = request->page_token().empty();
    response->add_topics()->set_topic(
        absl::StrCat(is_first ? "first" : "second", ".", request->filter()));
    if (is_first) response->set_next_page_token("more");
    return grpc::Status::OK;
  }
  grpc::Status ListSubscriptions(grpc::ServerContext*, const v1::ListSubscriptionsRequest* request,
                                 v1::ListSubscriptionsResponse* response) override {
    const bool is_first = request->page_token().empty();
    response->add_subscriptions()->set_name(is_first ? "subscriptions/s1" : "subscriptions/s2");
    if (is_first) response->set_next_page_token("more");
    return grpc::Status::OK;
  }
};

class BusListCommandsTest : public ::testing::Test {
 protected:
  BusListCommandsTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~BusListCommandsTest() override { server_->Shutdown(); }

  // Runs the command and returns what it prints; its exit code is in `code_`.
  std::string Run(std::vector<std::string> words) {
    Session session;
    CLI::App app("test", "taskforge");
    Action action;
    AddCommands(app, session, action);
    words.insert(words.begin(), {"--server", absl::StrCat("127.0.0.1:", port_)});
    std::reverse(words.begin(), words.end());
    app.parse(words);
    ::testing::internal::CaptureStdout();
    code_ = action();
    return ::testing::internal::GetCapturedStdout();
  }

  FakeBusService service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  int code_ = -1;
};

TEST_F(BusListCommandsTest, ListsTheTopicsOfEveryPage) {
  const std::string text = Run({"topic", "ls", "orders"});
  EXPECT_EQ(code_, kExitOk);
  EXPECT_THAT(text, StartsWith("TOPIC"));
  EXPECT_THAT(text, HasSubstr("\nfirst.orders"));
  EXPECT_THAT(text, HasSubstr("\nsecond.orders"));
}

TEST_F(BusListCommandsTest, ListsTheSubscriptionsOfEveryPage) {
  const std::string text = Run({"subscription", "ls"});
  EXPECT_EQ(code_, kExitOk);
  EXPECT_THAT(text, StartsWith("SUBSCRIPTION"));
  EXPECT_THAT(text, HasSubstr("\ns1"));
  EXPECT_THAT(text, HasSubstr("\ns2"));
}

TEST_F(BusListCommandsTest, WritesLinesOrADocument) {
  EXPECT_EQ(Run({"subscription", "ls", "-o", "jsonl"}),
            "{\"name\":\"subscriptions/s1\"}\n{\"name\":\"subscriptions/s2\"}\n");
  EXPECT_EQ(Run({"topic", "ls", "-o", "jsonl"}),
            "{\"topic\":\"first.\"}\n{\"topic\":\"second.\"}\n");
  const std::string document = Run({"topic", "ls", "-o", "json"});
  EXPECT_THAT(document, StartsWith("{\n \"topics\": ["));
  EXPECT_THAT(document, HasSubstr("second."));
}

TEST_F(BusListCommandsTest, AWrongFilterIsAWrongCommandLine) {
  ::testing::internal::CaptureStderr();
  Run({"topic", "ls", ".."});
  EXPECT_EQ(code_, kExitUsage);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("taskforge topic ls --help"));
}

}  // namespace
}  // namespace taskforge::cli

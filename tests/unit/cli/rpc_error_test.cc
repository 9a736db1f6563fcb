#include "cli/rpc_error.h"

#include <gmock/gmock.h>
#include <google/rpc/error.pb.h>
#include <gtest/gtest.h>

namespace taskforge::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

// Of a call to `server`; without one to the default address.
GlobalOptions CallTo(const std::string& server = GlobalOptions().server) {
  GlobalOptions options;
  options.server = server;
  return options;
}

google::rpc::Status DetailsOfABadRequest() {
  google::rpc::Status status;
  google::rpc::ErrorInfo info;
  info.set_reason("INVALID_FIELD");
  info.set_domain("taskforge");
  status.add_details()->PackFrom(info);
  google::rpc::BadRequest bad;
  for (const char* field : {"task.handler", "task.labels"}) {
    auto* violation = bad.add_field_violations();
    violation->set_field(field);
    violation->set_description("is wrong");
  }
  status.add_details()->PackFrom(bad);
  return status;
}

TEST(DecodeError, FindsReasonAndEveryField) {
  const RpcError error = DecodeError(grpc::StatusCode::INVALID_ARGUMENT, "two are wrong",
                                     DetailsOfABadRequest().SerializeAsString());
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.message, "two are wrong");
  EXPECT_EQ(error.reason, "INVALID_FIELD");
  EXPECT_THAT(error.fields,
              ElementsAre(Pair("task.handler", "is wrong"), Pair("task.labels", "is wrong")));
}

TEST(DecodeError, FindsQuotaRetryAndMetadata) {
  google::rpc::Status status;
  google::rpc::ErrorInfo info;
  info.set_reason("QUEUE_FULL");
  (*info.mutable_metadata())["queue"] = "default";
  status.add_details()->PackFrom(info);
  google::rpc::QuotaFailure quota;
  quota.add_violations()->set_subject("queues/default");
  status.add_details()->PackFrom(quota);
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(250'000'000);
  status.add_details()->PackFrom(retry);
  const RpcError error =
      DecodeError(grpc::StatusCode::RESOURCE_EXHAUSTED, "full", status.SerializeAsString());
  EXPECT_THAT(error.metadata, ElementsAre(Pair("queue", "default")));
  EXPECT_THAT(error.quotas, ElementsAre(Pair("queues/default", "")));
  EXPECT_EQ(error.retry_after, absl::Milliseconds(250));
}

TEST(DecodeError, LeavesOutWhatItCannotRead) {
  const RpcError error = DecodeError(grpc::StatusCode::INTERNAL, "odd", "\xff\xff not a message");
  EXPECT_EQ(error.message, "odd");
  EXPECT_EQ(error.reason, "");
  EXPECT_TRUE(error.fields.empty());
}

TEST(RenderError, SaysCodeReasonFieldsAndOneNextCommand) {
  const RpcError error = DecodeError(grpc::StatusCode::INVALID_ARGUMENT, "two are wrong",
                                     DetailsOfABadRequest().SerializeAsString());
  EXPECT_EQ(RenderError(error, CallTo(), "submit"),
            "error: INVALID_ARGUMENT (INVALID_FIELD): two are wrong\n"
            "  task.handler: is wrong\n"
            "  task.labels: is wrong\n"
            "try: taskforge submit --help\n");
}

TEST(RenderError, DoesNotRepeatAnOnlyField) {
  RpcError error;
  error.code = grpc::StatusCode::INVALID_ARGUMENT;
  error.message = "task.handler: is wrong";
  error.fields = {{"task.handler", "is wrong"}};
  EXPECT_EQ(RenderError(error, CallTo(), "run"),
            "error: INVALID_ARGUMENT: task.handler: is wrong\ntry: taskforge run --help\n");
}

TEST(RenderError, NamesAFieldThatTheMessageDoesNot) {
  RpcError error;
  error.code = grpc::StatusCode::INVALID_ARGUMENT;
  error.message = "is wrong";
  error.fields = {{"task.handler", "is wrong"}};
  EXPECT_THAT(RenderError(error, CallTo(), "run"), HasSubstr("  task.handler: is wrong\n"));
}

TEST(RenderError, KeepsTheServersBytesOffTheTerminal) {
  RpcError error;
  error.code = grpc::StatusCode::INTERNAL;
  error.message = "\x1b]0;owned\x07";
  EXPECT_THAT(RenderError(error, CallTo(), "run"), Not(HasSubstr("\x1b")));
}

TEST(NextCommand, FitsTheCase) {
  RpcError error;
  error.code = grpc::StatusCode::UNAVAILABLE;
  EXPECT_EQ(NextCommand(error, CallTo(), "run"), "taskforged serve");
  error.reason = "DRAINING";
  EXPECT_EQ(NextCommand(error, CallTo(), "run"), "taskforge server info");
  error.code = grpc::StatusCode::FAILED_PRECONDITION;
  error.reason = "HANDLER_UNKNOWN";
  EXPECT_EQ(NextCommand(error, CallTo("host:1"), "run"), "taskforge --server host:1 handler ls");
  error.code = grpc::StatusCode::PERMISSION_DENIED;
  EXPECT_THAT(NextCommand(error, CallTo(), "pool set"), EndsWith("--token-file FILE pool set"));
}

TEST(NextCommand, ShowsTheQueuesWhereTheErrorIsAboutThem) {
  RpcError error;
  error.code = grpc::StatusCode::NOT_FOUND;
  error.reason = "QUEUE_UNKNOWN";
  EXPECT_EQ(NextCommand(error, CallTo(), "submit"), "taskforge queue ls");
  error.code = grpc::StatusCode::FAILED_PRECONDITION;
  error.reason = "QUEUE_NOT_EMPTY";
  error.metadata["queue"] = "mail";
  EXPECT_EQ(NextCommand(error, CallTo("host:1"), "queue rm"),
            "taskforge --server host:1 queue get mail");
}

TEST(NextCommand, ShowsTheSchedulesWhereTheErrorIsAboutThem) {
  RpcError error;
  error.code = grpc::StatusCode::NOT_FOUND;
  error.reason = "SCHEDULE_UNKNOWN";
  EXPECT_EQ(NextCommand(error, CallTo(), "schedule get"), "taskforge schedule ls");
  error.code = grpc::StatusCode::ABORTED;
  error.reason = "SCHEDULE_CHANGING";
  EXPECT_EQ(NextCommand(error, CallTo(), "schedule pause"), "taskforge schedule ls");
}

// Not `see above`: whoever copies the line gets the same server, with the same certificates.
TEST(NextCommand, CallsTheSameServerInTheSameWay) {
  GlobalOptions options = CallTo("host:1");
  options.tls_ca = "ca.pem";
  options.token_file = "token";
  RpcError error;
  error.code = grpc::StatusCode::RESOURCE_EXHAUSTED;
  EXPECT_EQ(NextCommand(error, options, "run"),
            "taskforge --server host:1 --tls-ca ca.pem --token-file token top");
}

TEST(NextCommand, IsThereForEveryCode) {
  RpcError error;
  for (int code = 1; code <= 16; ++code) {
    error.code = static_cast<grpc::StatusCode>(code);
    EXPECT_NE(NextCommand(error, CallTo(), "run"), "") << CodeName(error.code);
  }
}

TEST(RenderError, SaysWhatTlsMayHaveToDoWithIt) {
  RpcError error;
  error.code = grpc::StatusCode::UNAVAILABLE;
  error.message = "Socket closed";
  EXPECT_THAT(RenderError(error, CallTo("host:1"), "run"),
              EndsWith("  host:1 may speak TLS, which needs --tls-ca\n"
                       "try: taskforge --server host:1 --tls-ca FILE server info\n"));
}

TEST(CodeName, NamesEveryCode) {
  EXPECT_EQ(CodeName(grpc::StatusCode::OK), "OK");
  EXPECT_EQ(CodeName(grpc::StatusCode::ALREADY_EXISTS), "ALREADY_EXISTS");
  EXPECT_EQ(CodeName(grpc::StatusCode::PERMISSION_DENIED), "PERMISSION_DENIED");
  EXPECT_EQ(CodeName(grpc::StatusCode::RESOURCE_EXHAUSTED), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(CodeName(grpc::StatusCode::UNIMPLEMENTED), "UNIMPLEMENTED");
  EXPECT_EQ(CodeName(grpc::StatusCode::UNAVAILABLE), "UNAVAILABLE");
  EXPECT_EQ(CodeName(grpc::StatusCode::UNAUTHENTICATED), "UNAUTHENTICATED");
  EXPECT_EQ(CodeName(static_cast<grpc::StatusCode>(20)), "CODE_20");
}

TEST(ExitCodeOf, TellsScriptsWhatHappened) {
  EXPECT_EQ(ExitCodeOf(grpc::StatusCode::OK), 0);
  EXPECT_EQ(ExitCodeOf(grpc::StatusCode::NOT_FOUND), 1);
  EXPECT_EQ(ExitCodeOf(grpc::StatusCode::RESOURCE_EXHAUSTED), 1);
  EXPECT_EQ(ExitCodeOf(grpc::StatusCode::INVALID_ARGUMENT), 2);
  EXPECT_EQ(ExitCodeOf(grpc::StatusCode::UNAVAILABLE), 3);
  EXPECT_EQ(ExitCodeOf(grpc::StatusCode::PERMISSION_DENIED), 4);
  EXPECT_EQ(ExitCodeOf(grpc::StatusCode::UNAUTHENTICATED), 4);
  EXPECT_EQ(ExitCodeOf(grpc::StatusCode::DEADLINE_EXCEEDED), 5);
}

}  // namespace
}  // namespace taskforge::cli

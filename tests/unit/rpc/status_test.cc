#include "rpc/status.h"

#include "base/error.h"
#include "gmock/gmock.h"
#include "google/rpc/error.pb.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

google::rpc::Status Decode(const std::string& bytes) {
  google::rpc::Status status;
  EXPECT_TRUE(status.ParseFromString(bytes));
  return status;
}

template <typename Detail>
std::optional<Detail> Find(const google::rpc::Status& status) {
  for (const auto& any : status.details()) {
    Detail detail;
    if (any.UnpackTo(&detail)) return detail;
  }
  return std::nullopt;
}

TEST(ToGrpcStatus, OkStaysOk) { EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok()); }

TEST(ToGrpcStatus, CarriesCodeMessageReasonAndDetails) {
  ErrorDetails details;
  details.reason = "QUEUE_FULL";
  details.metadata["queue"] = "default";
  details.quota_violations.push_back({"queues/default", "10 of 10 tasks"});
  details.retry_after = absl::Milliseconds(1500);
  const grpc::Status status =
      ToGrpcStatus(WithDetails(absl::ResourceExhaustedError("queue is full"), details));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(), "queue is full");
  const google::rpc::Status rich = Decode(status.error_details());
  EXPECT_EQ(rich.code(), 8);
  EXPECT_EQ(rich.message(), "queue is full");
  EXPECT_EQ(rich.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
  const auto info = Find<google::rpc::ErrorInfo>(rich);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->reason(), "QUEUE_FULL");
  EXPECT_EQ(info->domain(), "taskforge");
  EXPECT_EQ(info->metadata().at("queue"), "default");
  EXPECT_EQ(Find<google::rpc::QuotaFailure>(rich)->violations(0).subject(), "queues/default");
  const auto retry = Find<google::rpc::RetryInfo>(rich);
  EXPECT_EQ(retry->retry_delay().seconds(), 1);
  EXPECT_EQ(retry->retry_delay().nanos(), 500'000'000);
}

TEST(ToGrpcStatus, TellsEveryViolation) {
  const grpc::Status status =
      ToGrpcStatus(InvalidArgument({{"task.handler", "required"}, {"task_id", "too long"}}));
  const auto bad = Find<google::rpc::BadRequest>(Decode(status.error_details()));
  ASSERT_TRUE(bad.has_value());
  EXPECT_EQ(bad->field_violations_size(), 2);
  EXPECT_EQ(bad->field_violations(1).field(), "task_id");
  const auto info = Find<google::rpc::ErrorInfo>(Decode(status.error_details()));
  EXPECT_EQ(info->metadata().count("violations_left_out"), 0U);
}

TEST(ToGrpcStatus, AnErrorWithoutReasonSaysItsCode) {
  const auto info =
      Find<google::rpc::ErrorInfo>(Decode(ToGrpcStatus(absl::NotFoundError("no")).error_details()));
  EXPECT_EQ(info->reason(), "NOT_FOUND");
}

// A client accepts 8 KiB of trailers: an error must not make it lose the whole call.
TEST(ToGrpcStatus, StaysSmallEnoughForTrailers) {
  std::vector<FieldViolation> violations;
  for (int i = 0; i < 1000; ++i) violations.push_back({"field", std::string(100, 'x')});
  const grpc::Status status = ToGrpcStatus(InvalidArgument(std::move(violations)));
  EXPECT_LE(status.error_details().size(), 4096U);
  const int told =
      Find<google::rpc::BadRequest>(Decode(status.error_details()))->field_violations_size();
  EXPECT_GT(told, 0);
  const auto info = Find<google::rpc::ErrorInfo>(Decode(status.error_details()));
  EXPECT_EQ(info->metadata().at("violations_left_out"), std::to_string(1000 - told));
  const grpc::Status long_message = ToGrpcStatus(absl::InternalError(std::string(100'000, 'y')));
  EXPECT_LE(long_message.error_message().size(), 1100U);
  EXPECT_LE(long_message.error_details().size(), 4096U);
}

TEST(ToGrpcStatus, CutsBetweenCharacters) {
  std::string text(1023, 'a');
  for (int i = 0; i < 10; ++i) text += "\xC3\xA9";  // é
  const std::string cut = ToGrpcStatus(absl::InternalError(text)).error_message();
  EXPECT_EQ(cut, std::string(1023, 'a') + "...");
}

TEST(RetryPushback, IsThereWhenTheErrorSaysHowLong) {
  EXPECT_EQ(RetryPushback(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(RetryPushback(absl::UnavailableError("x")), std::nullopt);
  ErrorDetails details;
  details.retry_after = absl::Milliseconds(250);
  EXPECT_EQ(RetryPushback(WithDetails(absl::UnavailableError("x"), details)), "250");
  details.retry_after = absl::Microseconds(3);
  EXPECT_EQ(RetryPushback(WithDetails(absl::UnavailableError("x"), details)), "1");
}

}  // namespace
}  // namespace taskforge

#include "cli/submit_file.h"

#include <gtest/gtest.h>

namespace taskforge::cli {
namespace {

TEST(ParseSubmission, TakesATask) {
  v1::SubmitTaskRequest request;
  ASSERT_TRUE(ParseSubmission(R"({"handler":"echo","input":{"text_data":"hi"},"priority":"high",
                                  "run_timeout":"1.5s"})",
                              request)
                  .ok());
  EXPECT_EQ(request.task().handler(), "echo");
  EXPECT_EQ(request.task().input().text_data(), "hi");
  EXPECT_EQ(request.task().priority(), v1::PRIORITY_HIGH);
  EXPECT_EQ(request.task().run_timeout().nanos(), 500000000);
}

TEST(ParseSubmission, TakesARequest) {
  v1::SubmitTaskRequest request;
  ASSERT_TRUE(
      ParseSubmission(R"({"requestId":"r1","task":{"handler":"echo","priority":"PRIORITY_LOW"}})",
                      request)
          .ok());
  EXPECT_EQ(request.request_id(), "r1");
  EXPECT_EQ(request.task().priority(), v1::PRIORITY_LOW);
}

TEST(ParseSubmission, ForgetsTheLineBefore) {
  v1::SubmitTaskRequest request;
  ASSERT_TRUE(ParseSubmission(R"({"handler":"echo","labels":{"a":"b"}})", request).ok());
  ASSERT_TRUE(ParseSubmission(R"({"handler":"sleep"})", request).ok());
  EXPECT_EQ(request.task().handler(), "sleep");
  EXPECT_TRUE(request.task().labels().empty());
}

TEST(ParseSubmission, RefusesWhatIsNoTask) {
  v1::SubmitTaskRequest request;
  EXPECT_FALSE(ParseSubmission("not json", request).ok());
  EXPECT_FALSE(ParseSubmission("[]", request).ok());
  EXPECT_FALSE(ParseSubmission("{}", request).ok());
  EXPECT_FALSE(ParseSubmission(R"({"handler":"echo","no_such_field":1})", request).ok());
  EXPECT_FALSE(ParseSubmission(R"({"handler":"echo","priority":"urgent"})", request).ok());
  EXPECT_FALSE(ParseSubmission(R"({"task":7})", request).ok());
}

}  // namespace
}  // namespace taskforge::cli

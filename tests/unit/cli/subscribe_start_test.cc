#include "cli/subscribe_start.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace taskforge::cli {
namespace {

TEST(ParseSubscribeStart, UnderstandsEachForm) {
  v1::SubscribeRequest request;
  ASSERT_TRUE(ParseSubscribeStart("latest", request).ok());
  EXPECT_EQ(request.start_case(), v1::SubscribeRequest::START_NOT_SET);
  ASSERT_TRUE(ParseSubscribeStart("earliest", request).ok());
  EXPECT_EQ(request.at(), v1::START_AT_EARLIEST);
  ASSERT_TRUE(ParseSubscribeStart("last:12", request).ok());
  EXPECT_EQ(request.last(), 12U);
  const std::string bytes("\x01\x00\xFF", 3);
  ASSERT_TRUE(
      ParseSubscribeStart(absl::StrCat("cursor:", absl::Base64Escape(bytes)), request).ok());
  EXPECT_EQ(request.cursor(), bytes);
}

TEST(ParseSubscribeStart, SaysWhatItWants) {
  for (const char* wrong : {"", "oldest", "last", "last:", "last:0", "last:-1", "last:x",
                            "last:99999999999", "cursor:", "cursor:*", "last:cursor:AQ=="}) {
    v1::SubscribeRequest request;
    const absl::Status status = ParseSubscribeStart(wrong, request);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << wrong;
    EXPECT_EQ(request.start_case(), v1::SubscribeRequest::START_NOT_SET) << wrong;
  }
}

}  // namespace
}  // namespace taskforge::cli

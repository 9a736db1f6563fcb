#include "task/trace.h"

#include <gtest/gtest.h>

#include <string>

namespace taskforge {
namespace {

const std::string kTrace = "0af7651916cd43dd8448eb211c80319c";
const std::string kParent = "b7ad6b7169203331";
const std::string kValid = "00-" + kTrace + "-" + kParent + "-01";

TEST(Traceparent, TakesWhatW3cSays) {
  EXPECT_TRUE(IsTraceparent(kValid));
  EXPECT_TRUE(IsTraceparent("cc-" + kTrace + "-" + kParent + "-01"));
  EXPECT_TRUE(IsTraceparent("cc-" + kTrace + "-" + kParent + "-01-what-the-future-brings"));
}

TEST(Traceparent, RefusesTheRest) {
  const std::string zeros(32, '0');
  std::string upper = kValid;
  upper[4] = 'A';
  std::string joined = kValid;
  joined[35] = '0';
  for (const std::string& text : {
           std::string(),
           std::string("00-1-2-01"),
           kValid.substr(0, 54),
           kValid + "-more",  // Version 00 ends here.
           "cc" + kValid.substr(2) + ".more",
           "cc" + kValid.substr(2) + "-" + std::string(1, '\x01'),
           "cc" + kValid.substr(2) + "-" + std::string(kMaxTraceparentBytes, 'x'),
           "ff-" + kTrace + "-" + kParent + "-01",
           "00-" + zeros + "-" + kParent + "-01",
           "00-" + kTrace + "-" + zeros.substr(16) + "-01",
           "00-" + kTrace + "-" + kParent + "-0g",
           upper,
           joined,
       }) {
    EXPECT_FALSE(IsTraceparent(text)) << text;
  }
}

TEST(Traceparent, HoldsTheTraceId) {
  EXPECT_EQ(TraceIdOf(kValid), kTrace);
  EXPECT_EQ(TraceIdOf(""), "");
}

TEST(XRequestId, IsShortAndPrintable) {
  EXPECT_TRUE(IsXRequestId("r-17 of today"));
  EXPECT_TRUE(IsXRequestId(std::string(kMaxXRequestIdBytes, 'x')));
  EXPECT_FALSE(IsXRequestId(""));
  EXPECT_FALSE(IsXRequestId(std::string(kMaxXRequestIdBytes + 1, 'x')));
  EXPECT_FALSE(IsXRequestId("a\nb"));
  EXPECT_FALSE(IsXRequestId("\xC3\xA9"));
}

}  // namespace
}  // namespace taskforge

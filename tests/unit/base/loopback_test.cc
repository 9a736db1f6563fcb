#include "base/loopback.h"

#include <gtest/gtest.h>

namespace taskforge {
namespace {

TEST(IsLoopbackHostTest, KnowsOnlyThisMachine) {
  for (const char* host : {"localhost", "LocalHost:7481", "127.0.0.1", "127.0.0.1:80", "127.8.9.10",
                           "[::1]", "[::1]:7481"}) {
    EXPECT_TRUE(IsLoopbackHost(host)) << host;
  }
  for (const char* host : {"", "evil.example", "127.0.0.1.evil.example", "127.evil.example:7480",
                           "localhost.evil.example", "127.0.0.1:80:80", "128.0.0.1", "127.0.0",
                           "127.0.0.256", "127.0.0.1:", "127.0.0.1:x", "[::1", "[::2]", "::1",
                           "[::1].evil.example", "127.0.0.+1x", " localhost"}) {
    EXPECT_FALSE(IsLoopbackHost(host)) << host;
  }
}

}  // namespace
}  // namespace taskforge

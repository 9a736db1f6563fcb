#include "admin/listen_socket.h"

#include <unistd.h>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ListenTest, BindsAFreePortAndSaysWhich) {
  const absl::StatusOr<ListenSocket> socket = Listen("127.0.0.1:0");
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_THAT(socket->address, StartsWith("127.0.0.1:"));
  EXPECT_FALSE(absl::EndsWith(socket->address, ":0"));
  EXPECT_TRUE(socket->is_loopback);
  close(socket->fd);
}

TEST(ListenTest, KnowsThatEveryAddressIsNotLoopback) {
  const absl::StatusOr<ListenSocket> socket = Listen("0.0.0.0:0");
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_FALSE(socket->is_loopback);
  close(socket->fd);
}

TEST(ListenTest, RefusesAPortThatIsTaken) {
  const absl::StatusOr<ListenSocket> first = Listen("127.0.0.1:0");
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::StatusOr<ListenSocket> second = Listen(first->address);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(second.status().message(), HasSubstr("admin.listen"));
  EXPECT_THAT(Listen(first->address, "grpc.listen").status().message(), HasSubstr("grpc.listen"));
  close(first->fd);
}

TEST(ListenTest, RefusesWhatIsNoAddress) {
  // DNS has no names with such long parts, so nobody is asked for it.
  const std::string no_host = std::string(64, 'x') + ".invalid:80";
  for (const std::string& listen :
       {std::string(""), std::string("127.0.0.1"), std::string(":80"), std::string("127.0.0.1:"),
        std::string("127.0.0.1:x"), std::string("127.0.0.1:65536"), std::string("127.0.0.1:-1"),
        std::string("::1:80"), no_host}) {
    EXPECT_EQ(Listen(listen).status().code(), absl::StatusCode::kInvalidArgument) << listen;
  }
}

}  // namespace
}  // namespace taskforge

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
  close(first->fd);
}

TEST(ListenTest, RefusesWhatIsNoAddress) {
  for (const char* listen : {"", "127.0.0.1", ":80", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
                             "127.0.0.1:-1", "::1:80", "no.such.host.invalid:80"}) {
    EXPECT_EQ(Listen(listen).status().code(), absl::StatusCode::kInvalidArgument) << listen;
  }
}

}  // namespace
}  // namespace taskforge

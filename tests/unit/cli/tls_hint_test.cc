#include "cli/tls_hint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace taskforge::cli {
namespace {

using ::testing::HasSubstr;

// What the library says, what the call was made with, and what becomes of it.
struct Case {
  const char* message;
  bool tls;
  bool certificate;
  const char* why;
  const char* next;  // After `taskforge --server host:1`.
};

GlobalOptions OptionsOf(const Case& test) {
  GlobalOptions options;
  options.server = "host:1";
  if (test.tls) options.tls_ca = "ca.pem";
  if (test.certificate) {
    options.tls_cert = "c.pem";
    options.tls_key = "c.key";
  }
  return options;
}

RpcError Unavailable(const std::string& message) {
  RpcError error;
  error.code = grpc::StatusCode::UNAVAILABLE;
  error.message = message;
  return error;
}

TEST(TlsHint, FollowsFromWhatTheLibrarySays) {
  for (const Case& test : std::vector<Case>{
           {"last error: Socket closed", false, false, "may speak TLS", " --tls-ca FILE"},
           {"Connection reset by peer", false, false, "may speak TLS", " --tls-ca FILE"},
           {"last error: Socket closed", true, false, "may want a certificate",
            " --tls-ca ca.pem --tls-cert FILE --tls-key FILE"},
           {"last error: Socket closed", true, true, "may not trust",
            " --tls-ca ca.pem --tls-cert FILE --tls-key FILE"},
           {"SSL routines::wrong version number", true, true, "speaks no TLS", ""},
           {"SSL routines::certificate verify failed", true, false, "of no authority in ca.pem",
            " --tls-ca FILE"},
           {"empty address list: ", true, true, "is not that of c.pem",
            " --tls-ca ca.pem --tls-cert FILE --tls-key FILE"},
       }) {
    const auto hint = HintOnTls(Unavailable(test.message), OptionsOf(test));
    ASSERT_TRUE(hint.has_value()) << test.message;
    EXPECT_THAT(hint->why, HasSubstr(test.why)) << test.message;
    EXPECT_EQ(SelfCommand(hint->next), std::string("taskforge --server host:1") + test.next);
  }
  const auto hint = HintOnTls(Unavailable("Peer name host is not in peer certificate"),
                              OptionsOf({"", true, false, "", ""}));
  ASSERT_TRUE(hint.has_value());
  EXPECT_EQ(SelfCommand(hint->next), "taskforge --server NAME:PORT --tls-ca ca.pem");
}

TEST(TlsHint, IsNoneWhereTlsIsNotTheReason) {
  const GlobalOptions options = OptionsOf({"", true, false, "", ""});
  EXPECT_FALSE(HintOnTls(Unavailable("Connection refused"), options).has_value());
  RpcError draining = Unavailable("Socket closed");
  draining.reason = "DRAINING";
  EXPECT_FALSE(HintOnTls(draining, options).has_value());
  RpcError other = Unavailable("Socket closed");
  other.code = grpc::StatusCode::INTERNAL;
  EXPECT_FALSE(HintOnTls(other, options).has_value());
}

}  // namespace
}  // namespace taskforge::cli

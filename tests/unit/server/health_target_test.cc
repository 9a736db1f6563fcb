#include "health_target.h"

#include <gtest/gtest.h>

#include "support/test_certificate.h"
#include "unit/server/test_config.h"

namespace taskforge {
namespace {

class HealthTargetTest : public ConfigFixture {
 protected:
  absl::Status Aim(const Options& options) {
    PosixFileSystem files;
    return AimAt(Configure(options), files, probe_);
  }
  Options WithTls(const std::string& listen) {
    TestCertificateOptions options;
    options.alternative_names = "DNS:tasks.example.com";
    const TestCertificate made = MakeTestCertificate(options);
    return {{"grpc.listen", listen},
            {"tls.certificate_file", Write("cert", made.certificate_pem)},
            {"tls.key_file", Write("key", made.key_pem)}};
  }

  HealthProbeOptions probe_;
};

TEST_F(HealthTargetTest, DialsWhereTheServerListens) {
  const struct {
    const char* listen;
    const char* address;
  } kCases[] = {
      {"127.0.0.1:9000", "127.0.0.1:9000"}, {"0.0.0.0:9000", "127.0.0.1:9000"},
      {"[::]:9000", "[::1]:9000"},          {"localhost:9000,unix:/run/s", "localhost:9000"},
      {"unix:/run/s", "unix:/run/s"},
  };
  for (const auto& each : kCases) {
    ASSERT_TRUE(Aim({{"grpc.listen", each.listen}, {"insecure_listen", "true"}}).ok());
    EXPECT_EQ(probe_.address, each.address);
    EXPECT_TRUE(probe_.tls_ca_file.empty());
  }
}

TEST_F(HealthTargetTest, AnyFreePortIsUnknown) {
  const absl::Status status = Aim({{"grpc.listen", "127.0.0.1:0"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("--address"), absl::string_view::npos);
}

TEST_F(HealthTargetTest, SpeaksTlsWhereTheServerDoes) {
  ASSERT_TRUE(Aim(WithTls("0.0.0.0:9000")).ok());
  EXPECT_EQ(probe_.address, "127.0.0.1:9000");
  EXPECT_EQ(probe_.tls_ca_file, Path("cert"));
  EXPECT_EQ(probe_.tls_server_name, "tasks.example.com");
}

TEST_F(HealthTargetTest, KeepsWhatWasAskedFor) {
  probe_.tls_ca_file = "ca";
  probe_.tls_server_name = "name";
  ASSERT_TRUE(Aim(WithTls("127.0.0.1:9000")).ok());
  EXPECT_EQ(probe_.tls_ca_file, "ca");
  EXPECT_EQ(probe_.tls_server_name, "name");
}

TEST_F(HealthTargetTest, AUnixSocketIsServedInPlain) {
  ASSERT_TRUE(Aim(WithTls("unix:/run/s")).ok());
  EXPECT_TRUE(probe_.tls_ca_file.empty());
}

TEST_F(HealthTargetTest, SaysThatTheCertificateCannotBeRead) {
  EXPECT_FALSE(Aim({{"grpc.listen", "127.0.0.1:9000"},
                    {"tls.certificate_file", Path("none")},
                    {"tls.key_file", Path("none")}})
                   .ok());
}

}  // namespace
}  // namespace taskforge

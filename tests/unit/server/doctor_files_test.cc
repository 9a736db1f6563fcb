#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doctor_checks.h"
#include "support/test_certificate.h"
#include "unit/server/test_config.h"

namespace taskforge {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
constexpr char kToken[] =
    "client:ann:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";

class DoctorFilesTest : public ConfigFixture {
 protected:
  static TestCertificate MadeFor(absl::Duration before, absl::Duration after) {
    TestCertificateOptions options;
    options.not_before = kNow - before;
    options.not_after = kNow + after;
    return MakeTestCertificate(options);
  }
  // Of the certificate, and of the key if that was looked at.
  std::vector<Finding> Check(const std::string& certificate_file, const std::string& key_file) {
    return CheckTls(
        Configure({{"tls.certificate_file", certificate_file}, {"tls.key_file", key_file}}), kNow);
  }
  Finding CheckTokenFile(const std::string& path) {
    return CheckTokens(Configure({{"auth.token_file", path}})).front();
  }
};

TEST_F(DoctorFilesTest, CountsTheDaysOfTheCertificate) {
  const struct {
    absl::Duration before;
    absl::Duration after;
    Verdict verdict;
    const char* says;
  } kCases[] = {
      {absl::Hours(1), absl::Hours(24 * 90 + 1), Verdict::kOk, "good for 90 days"},
      {absl::Hours(1), absl::Hours(24 * 13 + 1), Verdict::kWarning, "good for 13 days"},
      {absl::Hours(2), absl::Hours(-1), Verdict::kProblem, "ended on 2027-01-15"},
      {absl::Hours(-1), absl::Hours(48), Verdict::kProblem, "not valid before 2027-01-15"},
  };
  for (const auto& each : kCases) {
    const TestCertificate made = MadeFor(each.before, each.after);
    const std::vector<Finding> findings =
        Check(Write("cert", made.certificate_pem), Write("key", made.key_pem));
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[0].verdict, each.verdict) << findings[0].what;
    EXPECT_THAT(findings[0].what, HasSubstr(each.says));
    EXPECT_EQ(findings[1].verdict, Verdict::kOk) << findings[1].what;
  }
}

TEST_F(DoctorFilesTest, AKeyThatDoesNotFitIsAProblem) {
  const TestCertificate made = MadeFor(absl::Hours(1), absl::Hours(24 * 90));
  const std::string certificate = Write("cert", made.certificate_pem);
  const std::string other = MadeFor(absl::Hours(1), absl::Hours(24 * 90)).key_pem;
  EXPECT_EQ(Check(certificate, Write("other", other))[1].verdict, Verdict::kProblem);
  EXPECT_EQ(Check(certificate, Path("none"))[1].verdict, Verdict::kProblem);
  EXPECT_EQ(Check(certificate, Write("open", made.key_pem, 0644))[1].verdict, Verdict::kWarning);
}

TEST_F(DoctorFilesTest, WhatIsNoCertificateIsAProblem) {
  const std::string key = Write("key", "x");
  EXPECT_EQ(Check(Path("none"), key).front().verdict, Verdict::kProblem);
  EXPECT_EQ(Check(Write("junk", "junk"), key).front().verdict, Verdict::kProblem);
}

TEST_F(DoctorFilesTest, TheClientsAuthorityIsLookedAtToo) {
  const TestCertificate made = MadeFor(absl::Hours(1), absl::Hours(24 * 90));
  const std::vector<Finding> findings =
      CheckTls(Configure({{"tls.certificate_file", Write("cert", made.certificate_pem)},
                          {"tls.key_file", Write("key", made.key_pem)},
                          {"tls.client_ca_file", Write("ca", "junk")}}),
               kNow);
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[2].verdict, Verdict::kProblem);
  EXPECT_THAT(findings[2].what, HasSubstr("tls.client_ca_file"));
}

TEST_F(DoctorFilesTest, WithoutTlsAndTokensOnlyTheOutsideIsAWarning) {
  EXPECT_EQ(CheckTls(Configure({}), kNow).front().verdict, Verdict::kOk);
  EXPECT_EQ(CheckTokens(Configure({})).front().verdict, Verdict::kOk);
  const Config& open = Configure({{"grpc.listen", "0.0.0.0:0"}, {"insecure_listen", "true"}});
  EXPECT_EQ(CheckTls(open, kNow).front().verdict, Verdict::kWarning);
  EXPECT_EQ(CheckTokens(open).front().verdict, Verdict::kWarning);
}

TEST_F(DoctorFilesTest, ReadsTheTokenFile) {
  EXPECT_EQ(CheckTokenFile(Write("good", kToken)).verdict, Verdict::kOk);
  EXPECT_EQ(CheckTokenFile(Write("open", kToken, 0644)).verdict, Verdict::kWarning);
  EXPECT_EQ(CheckTokenFile(Write("bad", "nonsense")).verdict, Verdict::kProblem);
  EXPECT_EQ(CheckTokenFile(Path("none")).verdict, Verdict::kProblem);
}

}  // namespace
}  // namespace taskforge

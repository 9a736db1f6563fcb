#include "rpc/certificate.h"

#include <gtest/gtest.h>

#include "support/test_certificate.h"

namespace taskforge {
namespace {

TEST(ParseCertificate, TellsItsDates) {
  TestCertificateOptions options;
  options.not_before = absl::FromUnixSeconds(1'600'000'000);
  options.not_after = absl::FromUnixSeconds(4'000'000'000);  // Beyond the two-digit years.
  const auto certificate = ParseCertificate(MakeTestCertificate(options).certificate_pem);
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_EQ(certificate->not_before, options.not_before);
  EXPECT_EQ(certificate->not_after, options.not_after);
}

TEST(ParseCertificate, TellsTheFirstOfAChain) {
  TestCertificateOptions options;
  options.common_name = "leaf";
  options.alternative_names = "";
  const std::string leaf = MakeTestCertificate(options).certificate_pem;
  options.common_name = "authority";
  const auto certificate = ParseCertificate(leaf + MakeTestCertificate(options).certificate_pem);
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_EQ(certificate->name, "leaf");
}

TEST(ParseCertificate, TellsANameThatItIsFor) {
  const struct {
    const char* common_name;
    const char* alternative_names;
    const char* name;
  } kCases[] = {
      {"cn", "DNS:tasks.example.com,IP:10.0.0.7", "tasks.example.com"},
      {"cn", "email:a@example.com,IP:10.0.0.7", "10.0.0.7"},
      {"cn", "IP:2001:db8::1", "2001:db8::1"},
      {"cn", "", "cn"},
      {"", "", ""},
  };
  for (const auto& each : kCases) {
    TestCertificateOptions options;
    options.common_name = each.common_name;
    options.alternative_names = each.alternative_names;
    const auto certificate = ParseCertificate(MakeTestCertificate(options).certificate_pem);
    ASSERT_TRUE(certificate.ok()) << certificate.status();
    EXPECT_EQ(certificate->name, each.name);
  }
}

TEST(ParseCertificate, RefusesWhatIsNone) {
  const TestCertificate made = MakeTestCertificate();
  for (const std::string& text :
       {std::string(), std::string("junk"), made.key_pem, made.certificate_pem.substr(0, 200)}) {
    EXPECT_EQ(ParseCertificate(text).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(CheckKeyFits, TellsAKeyOfAnotherCertificate) {
  const TestCertificate mine = MakeTestCertificate();
  const TestCertificate other = MakeTestCertificate();
  EXPECT_TRUE(CheckKeyFits(mine.certificate_pem, mine.key_pem).ok());
  EXPECT_EQ(CheckKeyFits(mine.certificate_pem, other.key_pem).message(),
            "the key belongs to another certificate");
  // That of the leaf counts, not that of another certificate of the chain.
  EXPECT_FALSE(CheckKeyFits(mine.certificate_pem + other.certificate_pem, other.key_pem).ok());
  EXPECT_FALSE(CheckKeyFits("junk", mine.key_pem).ok());
  EXPECT_FALSE(CheckKeyFits(mine.certificate_pem, "junk").ok());
}

}  // namespace
}  // namespace taskforge

#include "rpc/access.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace taskforge {
namespace {

constexpr char kRemote[] = "ipv4:10.0.0.7:4711";
const MethodRule kClientRule{"s", "Client", RpcType::kUnary, AccessRule::kClient};
const MethodRule kAdminRule{"s", "Admin", RpcType::kUnary, AccessRule::kAdmin};
const MethodRule kOpenRule{"s", "Open", RpcType::kUnary, AccessRule::kOpen};

std::string Hex(absl::string_view token) {
  const TokenHash hash = HashToken(token);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(hash.data()), hash.size()));
}

Access WithTokens() {
  return Access(*ParseTokens(
      absl::StrCat("client:ann:", Hex("secret-a"), "\n", "admin:bob:", Hex("secret-b"), "\n")));
}

TEST(HashToken, IsSha256) {
  EXPECT_EQ(Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(ParseTokens, TakesCommentsAndEmptyLines) {
  const auto tokens =
      ParseTokens(absl::StrCat("# who may call\n\n  admin:ci@host:", Hex("x"), " \n"));
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  ASSERT_EQ(tokens->size(), 1U);
  EXPECT_EQ((*tokens)[0].role, Role::kAdmin);
  EXPECT_EQ((*tokens)[0].principal, "ci@host");
}

TEST(ParseTokens, NamesTheWrongLine) {
  const std::string hash = Hex("x");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "no token"},
      {"# nothing\n", "no token"},
      {"\nclient:ann\n", "line 2"},
      {absl::StrCat("root:ann:", hash), "client or admin"},
      {absl::StrCat("client::", hash), "principal"},
      {absl::StrCat("client:a b:", hash), "principal"},
      {absl::StrCat("client:", std::string(65, 'a'), ":", hash), "principal"},
      {"client:ann:1234", "64 hex digits"},
      {absl::StrCat("client:ann:", std::string(64, 'g')), "64 hex digits"},
  };
  for (const auto& [text, expected] : cases) {
    const auto tokens = ParseTokens(text);
    ASSERT_FALSE(tokens.ok()) << text;
    EXPECT_THAT(std::string(tokens.status().message()), testing::HasSubstr(expected)) << text;
  }
}

TEST(Access, WithoutTokensAnybodyMayButAdminIsLocal) {
  const Access access;
  EXPECT_TRUE(access.Check(kClientRule, "", kRemote).status.ok());
  for (const char* local : {"ipv4:127.0.0.1:4711", "ipv6:[::1]:4711", "ipv6:%5B::1%5D:4711",
                            "unix:", "unix:/run/x.sock"}) {
    EXPECT_TRUE(access.Check(kAdminRule, "", local).status.ok()) << local;
  }
  for (const char* remote : {kRemote, "ipv6:[2001:db8::1]:1", "ipv4:1.127.0.0:1", ""}) {
    const absl::Status status = access.Check(kAdminRule, "", remote).status;
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << remote;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("token_file"));
  }
}

TEST(Access, WithTokensDecidesByRole) {
  const Access access = WithTokens();
  using Code = absl::StatusCode;
  struct Case {
    const MethodRule& rule;
    std::string authorization;
    Code code;
    std::string principal;
  };
  const std::vector<Case> cases = {
      {kOpenRule, "", Code::kOk, ""},
      {kClientRule, "", Code::kUnauthenticated, ""},
      {kClientRule, "Basic secret-a", Code::kUnauthenticated, ""},
      {kClientRule, "Bearer wrong", Code::kUnauthenticated, ""},
      {kClientRule, "Bearer ", Code::kUnauthenticated, ""},
      {kClientRule, "Bearer secret-a", Code::kOk, "ann"},
      {kClientRule, "bearer secret-b", Code::kOk, "bob"},
      {kAdminRule, "Bearer secret-a", Code::kPermissionDenied, "ann"},
      {kAdminRule, "Bearer secret-b", Code::kOk, "bob"},
  };
  for (const Case& c : cases) {
    // Loopback is no privilege once there are tokens.
    const Access::Decision decision = access.Check(c.rule, c.authorization, "ipv4:127.0.0.1:1");
    EXPECT_EQ(decision.status.code(), c.code) << c.rule.method << " " << c.authorization;
    EXPECT_EQ(decision.principal, c.principal) << c.rule.method << " " << c.authorization;
  }
}

TEST(Access, NeverRepeatsAToken) {
  const absl::Status status = WithTokens().Check(kClientRule, "Bearer tell-nobody", "").status;
  EXPECT_THAT(status.ToString(), testing::Not(testing::HasSubstr("tell-nobody")));
}

}  // namespace
}  // namespace taskforge

#include "rpc/access.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/error.h"

namespace taskforge {
namespace {

constexpr size_t kMaxPrincipal = 64;

bool IsPrincipal(absl::string_view text) {
  if (text.empty() || text.size() > kMaxPrincipal) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '@' ||
           c == '-';
  });
}

bool ParseHash(absl::string_view text, TokenHash& hash) {
  if (text.size() != 2 * hash.size()) return false;
  const bool is_hex = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isxdigit(static_cast<unsigned char>(c));
  });
  if (!is_hex) return false;
  const std::string bytes = absl::HexStringToBytes(text);
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return true;
}

absl::Status LineError(int line, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("token file, line ", line, ": ", what));
}

}  // namespace

TokenHash HashToken(absl::string_view token) {
  TokenHash hash;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash.data());
  return hash;
}

absl::StatusOr<std::vector<TokenEntry>> ParseTokens(absl::string_view text) {
  std::vector<TokenEntry> tokens;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line.front() == '#') continue;
    const std::vector<absl::string_view> parts = absl::StrSplit(line, ':');
    if (parts.size() != 3) return LineError(number, "want role:principal:sha256");
    TokenEntry entry;
    if (parts[0] == "admin") {
      entry.role = Role::kAdmin;
    } else if (parts[0] != "client") {
      return LineError(number, "the role is client or admin");
    }
    if (!IsPrincipal(parts[1])) return LineError(number, "a principal is [A-Za-z0-9._@-]{1,64}");
    entry.principal = std::string(parts[1]);
    if (!ParseHash(parts[2], entry.hash)) {
      return LineError(number, "the SHA-256 of the token is 64 hex digits");
    }
    tokens.push_back(std::move(entry));
  }
  if (tokens.empty()) return absl::InvalidArgumentError("token file: no token in it");
  return tokens;
}

bool IsLocalPeer(absl::string_view peer) {
  // gRPC escapes the brackets of IPv6 addresses in peers.
  return absl::StartsWith(peer, "unix:") || absl::StartsWith(peer, "unix-abstract:") ||
         absl::StartsWith(peer, "ipv4:127.") || absl::StartsWith(peer, "ipv6:[::1]") ||
         absl::StartsWith(peer, "ipv6:%5B::1%5D") || absl::StartsWith(peer, "ipv6:[::ffff:127.") ||
         absl::StartsWith(peer, "ipv6:%5B::ffff:127.");
}

Access::Decision Access::Check(const MethodRule& rule, absl::string_view authorization,
                               absl::string_view peer) const {
  Decision decision;
  if (IsFree(rule)) return decision;
  const std::string method = FullName(rule);
  if (tokens_.empty()) {
    if (IsLocalPeer(peer)) return decision;
    decision.status = ReasonError(
        absl::StatusCode::kPermissionDenied, "ADMIN_LOCAL_ONLY",
        absl::StrCat(method,
                     " needs the role admin: without tokens it is answered only on loopback ",
                     "or a unix socket (auth.token_file)"));
    return decision;
  }
  absl::string_view token = authorization;
  const absl::string_view scheme = token.substr(0, 7);
  if (!absl::EqualsIgnoreCase(scheme, "Bearer ")) {
    decision.status = ReasonError(absl::StatusCode::kUnauthenticated, "TOKEN_MISSING",
                                  "want a header authorization: Bearer TOKEN");
    return decision;
  }
  token.remove_prefix(7);
  const TokenHash hash = HashToken(token);
  const TokenEntry* found = nullptr;
  // All are compared, each in constant time: how long it takes tells nothing.
  for (const TokenEntry& entry : tokens_) {
    if (CRYPTO_memcmp(entry.hash.data(), hash.data(), hash.size()) == 0) found = &entry;
  }
  if (found == nullptr) {
    decision.status = ReasonError(absl::StatusCode::kUnauthenticated, "TOKEN_UNKNOWN",
                                  "the token is not one of this server's");
    return decision;
  }
  decision.principal = found->principal;
  if (rule.access == AccessRule::kAdmin && found->role != Role::kAdmin) {
    decision.status = ReasonError(
        absl::StatusCode::kPermissionDenied, "ROLE_MISSING",
        absl::StrCat(method, " needs the role admin; ", found->principal, " has the role client"));
  }
  return decision;
}

}  // namespace taskforge

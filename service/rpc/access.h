// Who may call what.
#ifndef TASKFORGE_RPC_ACCESS_H_
#define TASKFORGE_RPC_ACCESS_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rpc/method_table.h"

namespace taskforge {

enum class Role { kClient, kAdmin };

using TokenHash = std::array<uint8_t, 32>;  // SHA-256.

// Somebody who may call, known by the hash of a token. The token itself is nowhere in the server.
struct TokenEntry {
  Role role = Role::kClient;
  std::string principal;
  TokenHash hash{};
};

TokenHash HashToken(absl::string_view token);

// Parses the text of a token file. A line is `role:principal:sha256`, with the role `client` or
// `admin`, a principal of `[A-Za-z0-9._@-]{1,64}`, and the SHA-256 of the token in 64 hex digits
// (`printf %s "$TOKEN" | sha256sum`). Empty lines and lines that begin with # are skipped. A file
// without any token is an error: it would open what was to be closed.
absl::StatusOr<std::vector<TokenEntry>> ParseTokens(absl::string_view text);

// Decides on calls. With tokens, all rules but kOpen ask for `authorization: Bearer TOKEN`. Without
// tokens there is no identity: kAdmin is answered on loopback and unix sockets only.
// Thread-compatible: constant after construction.
class Access {
 public:
  struct Decision {
    absl::Status status;    // UNAUTHENTICATED: no or a wrong token. PERMISSION_DENIED: role.
    std::string principal;  // Empty: nobody identified.
  };

  Access() = default;
  explicit Access(std::vector<TokenEntry> tokens) : tokens_(std::move(tokens)) {}

  // Whether a call needs `authorization` or `peer` at all.
  bool IsFree(const MethodRule& rule) const {
    return rule.access == AccessRule::kOpen ||
           (tokens_.empty() && rule.access == AccessRule::kClient);
  }
  // `authorization`: the header's value; `peer` as gRPC writes it (`ipv4:127.0.0.1:4711`, `unix:`).
  Decision Check(const MethodRule& rule, absl::string_view authorization,
                 absl::string_view peer) const;

 private:
  std::vector<TokenEntry> tokens_;
};

// Whether a peer is on this machine: loopback or a unix socket.
bool IsLocalPeer(absl::string_view peer);

}  // namespace taskforge

#endif  // TASKFORGE_RPC_ACCESS_H_

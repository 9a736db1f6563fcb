// What a certificate in PEM says, as far as the server has to know: OpenSSL stays behind this.
#ifndef TASKFORGE_RPC_CERTIFICATE_H_
#define TASKFORGE_RPC_CERTIFICATE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace taskforge {

struct Certificate {
  absl::Time not_before;
  absl::Time not_after;
  // A name that it is for: the first DNS name or address of its alternative names, else the common
  // name; empty if it has none.
  std::string name;
};

// The first certificate of a PEM chain, which is the server's own. INVALID_ARGUMENT: there is none,
// or it cannot be read.
absl::StatusOr<Certificate> ParseCertificate(absl::string_view pem);

// Whether the private key in `key_pem` is that of the first certificate of `chain_pem`.
// INVALID_ARGUMENT: it is not, or one of the two cannot be read; a key with a passphrase cannot.
absl::Status CheckKeyFits(absl::string_view chain_pem, absl::string_view key_pem);

}  // namespace taskforge

#endif  // TASKFORGE_RPC_CERTIFICATE_H_

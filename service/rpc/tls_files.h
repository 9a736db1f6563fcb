// The PEM files of TLS, checked before gRPC gets them: the library says only that an address could
// not be served.
#ifndef TASKFORGE_RPC_TLS_FILES_H_
#define TASKFORGE_RPC_TLS_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "rpc/server.h"

namespace taskforge {

// What stands in the files.
struct TlsFiles {
  std::string certificate;  // Chain, the server's own first.
  std::string key;
  std::string client_ca;  // Empty: clients show no certificate.
};

// REQUIRES: options.tls_certificate_file is not empty. NOT_FOUND, PERMISSION_DENIED: a file cannot
// be read; INVALID_ARGUMENT: it holds no certificate or key in PEM, or the key is of another
// certificate. The message names the option and the file.
absl::StatusOr<TlsFiles> ReadTlsFiles(const RpcServerOptions& options);

}  // namespace taskforge

#endif  // TASKFORGE_RPC_TLS_FILES_H_

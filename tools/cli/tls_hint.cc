#include "cli/tls_hint.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace taskforge::cli {
namespace {

// The connection was taken, and closed before anything was said.
TlsHint HintOnClosed(const GlobalOptions& options) {
  TlsHint hint{"", options};
  if (options.tls_ca.empty()) {
    hint.why = absl::StrCat(options.server, " may speak TLS, which needs --tls-ca");
    hint.next.tls_ca = "FILE";
  } else if (options.tls_cert.empty()) {
    hint.why = absl::StrCat(options.server,
                            " may want a certificate of the client (--tls-cert, --tls-key)");
    hint.next.tls_cert = hint.next.tls_key = "FILE";
  } else {
    hint.why = absl::StrCat(options.server, " may not trust the certificate in ", options.tls_cert,
                            " (--tls-cert)");
    hint.next.tls_cert = hint.next.tls_key = "FILE";
  }
  return hint;
}

}  // namespace

std::optional<TlsHint> HintOnTls(const RpcError& error, const GlobalOptions& options) {
  if (error.code != grpc::StatusCode::UNAVAILABLE || !error.reason.empty()) return std::nullopt;
  const auto says = [&error](absl::string_view text) {
    return absl::StrContains(error.message, text);
  };
  if (says("Socket closed") || says("Connection reset by peer")) return HintOnClosed(options);
  if (options.tls_ca.empty()) return std::nullopt;
  TlsHint hint{"", options};
  if (says("wrong version number")) {
    hint.why = absl::StrCat(options.server, " speaks no TLS: leave --tls-ca out");
    hint.next.tls_ca = hint.next.tls_cert = hint.next.tls_key = "";
  } else if (says("certificate verify failed")) {
    hint.why = absl::StrCat("the server's certificate is of no authority in ", options.tls_ca,
                            " (--tls-ca)");
    hint.next.tls_ca = "FILE";
  } else if (says("is not in peer certificate")) {
    hint.why = "the server's certificate is for other names: call it by one of them (--server)";
    hint.next.server = "NAME:PORT";
  } else if (says("empty address list") && !options.tls_cert.empty()) {
    hint.why = absl::StrCat("the key in ", options.tls_key, " is not that of ", options.tls_cert,
                            " (--tls-cert, --tls-key)");
    hint.next.tls_cert = hint.next.tls_key = "FILE";
  } else {
    return std::nullopt;
  }
  return hint;
}

}  // namespace taskforge::cli

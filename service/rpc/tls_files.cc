#include "rpc/tls_files.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/file_system.h"
#include "rpc/certificate.h"

namespace taskforge {
namespace {

absl::StatusOr<std::string> Read(absl::string_view option, const std::string& path) {
  PosixFileSystem files;
  absl::StatusOr<std::string> text = files.ReadFile(path);
  if (text.ok()) return text;
  return absl::Status(text.status().code(), absl::StrCat(option, ": ", text.status().message()));
}

absl::Status Wrong(absl::string_view option, const std::string& path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(option, ": ", path, ": ", what));
}

}  // namespace

absl::StatusOr<TlsFiles> ReadTlsFiles(const RpcServerOptions& options) {
  constexpr absl::string_view kCertificate = "tls.certificate_file";
  constexpr absl::string_view kKey = "tls.key_file";
  constexpr absl::string_view kClientCa = "tls.client_ca_file";
  TlsFiles files;
  absl::StatusOr<std::string> text = Read(kCertificate, options.tls_certificate_file);
  if (!text.ok()) return text.status();
  files.certificate = *std::move(text);
  text = Read(kKey, options.tls_key_file);
  if (!text.ok()) return text.status();
  files.key = *std::move(text);

  if (const auto certificate = ParseCertificate(files.certificate); !certificate.ok()) {
    return Wrong(kCertificate, options.tls_certificate_file, certificate.status().message());
  }
  if (const absl::Status fits = CheckKeyFits(files.certificate, files.key); !fits.ok()) {
    return Wrong(kKey, options.tls_key_file,
                 absl::StrCat(fits.message(), " (tls.certificate_file is ",
                              options.tls_certificate_file, ")"));
  }
  if (options.tls_client_ca_file.empty()) return files;
  text = Read(kClientCa, options.tls_client_ca_file);
  if (!text.ok()) return text.status();
  files.client_ca = *std::move(text);
  if (const auto authority = ParseCertificate(files.client_ca); !authority.ok()) {
    return Wrong(kClientCa, options.tls_client_ca_file, authority.status().message());
  }
  return files;
}

}  // namespace taskforge

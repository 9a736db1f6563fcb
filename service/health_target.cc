#include "health_target.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "rpc/certificate.h"

namespace taskforge {
namespace {

// An address that means every interface, as it is dialled from here.
std::string FromHere(absl::string_view address) {
  if (absl::ConsumePrefix(&address, "0.0.0.0:")) return absl::StrCat("127.0.0.1:", address);
  if (absl::ConsumePrefix(&address, "[::]:")) return absl::StrCat("[::1]:", address);
  return std::string(address);
}

}  // namespace

absl::Status AimAt(const Config& config, FileSystem& files, HealthProbeOptions& probe) {
  const std::string& listen = config.rpc.listen.front();
  const bool is_unix = absl::StartsWith(listen, "unix:");
  if (!is_unix && absl::EndsWith(listen, ":0")) {
    return absl::FailedPreconditionError(
        absl::StrCat("grpc.listen is ", listen, ", any free port: say which with --address"));
  }
  probe.address = FromHere(listen);
  const std::string& path = config.rpc.tls_certificate_file;
  if (is_unix || path.empty()) return absl::OkStatus();
  if (probe.tls_ca_file.empty()) probe.tls_ca_file = path;
  if (!probe.tls_server_name.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> text = files.ReadFile(path);
  if (!text.ok()) return text.status();
  const absl::StatusOr<Certificate> certificate = ParseCertificate(*text);
  if (!certificate.ok()) {
    return absl::Status(certificate.status().code(),
                        absl::StrCat(path, ": ", certificate.status().message()));
  }
  probe.tls_server_name = certificate->name;
  return absl::OkStatus();
}

}  // namespace taskforge

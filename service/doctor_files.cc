#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file_system.h"
#include "doctor_checks.h"
#include "rpc/access.h"
#include "rpc/certificate.h"

namespace taskforge {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);
constexpr absl::Duration kRenewBefore =
    absl::Hours(14 * 24);  // As the alert CertificateExpiresSoon.

bool IsReachedByOthers(const Config& config) {
  return std::any_of(config.rpc.listen.begin(), config.rpc.listen.end(),
                     [](const std::string& address) { return !IsLocalAddress(address); });
}

bool EverybodyReads(const std::string& path) {
  struct stat found;
  return stat(path.c_str(), &found) == 0 && (found.st_mode & S_IROTH) != 0;
}

Finding Unreadable(absl::string_view option, const absl::Status& status) {
  return {Verdict::kProblem, absl::StrCat(option, ": ", status.message()),
          absl::StrCat("let the server's user read it, or correct ", option)};
}

Finding CheckDates(absl::string_view option, const Certificate& certificate, absl::Time now) {
  const absl::Duration left = certificate.not_after - now;
  const auto date = [](absl::Time time) {
    return absl::FormatTime("%Y-%m-%d", time, absl::UTCTimeZone());
  };
  if (certificate.not_before > now) {
    return {Verdict::kProblem,
            absl::StrCat(option, ": not valid before ", date(certificate.not_before)),
            "set the clock, or use a certificate that is valid now"};
  }
  if (left <= absl::ZeroDuration()) {
    return {Verdict::kProblem, absl::StrCat(option, ": ended on ", date(certificate.not_after)),
            "renew it: nobody connects"};
  }
  const std::string what = absl::StrCat(option, ": good for ", left / kDay, " days more");
  if (left < kRenewBefore) return {Verdict::kWarning, what, "renew it, and restart the server"};
  return {Verdict::kOk, what, ""};
}

Finding CheckKey(const std::string& path, const std::string& chain) {
  constexpr absl::string_view kOption = "tls.key_file";
  PosixFileSystem files;
  const absl::StatusOr<std::string> key = files.ReadFile(path);
  if (!key.ok()) return Unreadable(kOption, key.status());
  const absl::Status fits = CheckKeyFits(chain, *key);
  if (!fits.ok()) {
    return {Verdict::kProblem, absl::StrCat(kOption, ": ", path, ": ", fits.message()),
            "name the key that the certificate was made for"};
  }
  if (EverybodyReads(path)) {
    return {Verdict::kWarning, absl::StrCat(kOption, ": everybody on this machine can read ", path),
            absl::StrCat("chmod o-r ", path)};
  }
  return {Verdict::kOk, absl::StrCat(kOption, ": fits the certificate"), ""};
}

// Reads the certificate in `path` and adds what is to say about it. The chain, or empty.
std::string CheckCertificate(absl::string_view option, const std::string& path, absl::Time now,
                             std::vector<Finding>& findings) {
  PosixFileSystem files;
  absl::StatusOr<std::string> chain = files.ReadFile(path);
  if (!chain.ok()) {
    findings.push_back(Unreadable(option, chain.status()));
    return "";
  }
  const absl::StatusOr<Certificate> certificate = ParseCertificate(*chain);
  if (!certificate.ok()) {
    findings.push_back({Verdict::kProblem,
                        absl::StrCat(option, ": ", path, ": ", certificate.status().message()),
                        absl::StrCat("correct ", option)});
    return "";
  }
  findings.push_back(CheckDates(option, *certificate, now));
  return *std::move(chain);
}

}  // namespace

std::vector<Finding> CheckTls(const Config& config, absl::Time now) {
  const RpcServerOptions& rpc = config.rpc;
  if (rpc.tls_certificate_file.empty()) {
    if (!IsReachedByOthers(config)) {
      return {{Verdict::kOk, "TLS: off, and only this machine reaches gRPC", ""}};
    }
    return {{Verdict::kWarning, "TLS: off, and other machines reach gRPC",
             "set tls.certificate_file and tls.key_file, unless the network is closed"}};
  }
  std::vector<Finding> findings;
  const std::string chain =
      CheckCertificate("tls.certificate_file", rpc.tls_certificate_file, now, findings);
  if (!chain.empty()) findings.push_back(CheckKey(rpc.tls_key_file, chain));
  if (!rpc.tls_client_ca_file.empty()) {
    CheckCertificate("tls.client_ca_file", rpc.tls_client_ca_file, now, findings);
  }
  return findings;
}

std::vector<Finding> CheckTokens(const Config& config) {
  constexpr absl::string_view kOption = "auth.token_file";
  const std::string& path = config.token_file;
  if (path.empty()) {
    if (!IsReachedByOthers(config) || !config.rpc.tls_client_ca_file.empty()) {
      return {{Verdict::kOk, "tokens: nobody is asked for one", ""}};
    }
    return {{Verdict::kWarning, "tokens: nobody is asked for one, and other machines reach gRPC",
             "set auth.token_file, or tls.client_ca_file"}};
  }
  PosixFileSystem files;
  const absl::StatusOr<std::string> text = files.ReadFile(path);
  if (!text.ok()) return {Unreadable(kOption, text.status())};
  const absl::StatusOr<std::vector<TokenEntry>> tokens = ParseTokens(*text);
  if (!tokens.ok()) {
    return {{Verdict::kProblem, absl::StrCat(kOption, ": ", path, ": ", tokens.status().message()),
             "write lines `role:principal:sha256`"}};
  }
  if (EverybodyReads(path)) {
    return {{Verdict::kWarning,
             absl::StrCat(kOption, ": everybody on this machine can read ", path),
             absl::StrCat("chmod o-r ", path)}};
  }
  return {{Verdict::kOk, absl::StrCat(kOption, ": ", tokens->size(), " tokens"), ""}};
}

}  // namespace taskforge

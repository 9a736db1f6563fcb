#include "rpc/tls_files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/file_system.h"

namespace taskforge {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

// A key that is encrypted is refused: a server must not ask for a password on the terminal.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) { return -1; }

Bio Open(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

Certificate FirstCertificate(const std::string& pem) {
  Certificate certificate(PEM_read_bio_X509(Open(pem).get(), nullptr, &NoPassword, nullptr));
  ERR_clear_error();
  return certificate;
}

Key FirstKey(const std::string& pem) {
  Key key(PEM_read_bio_PrivateKey(Open(pem).get(), nullptr, &NoPassword, nullptr));
  ERR_clear_error();
  return key;
}

absl::StatusOr<std::string> Read(absl::string_view option, const std::string& path) {
  PosixFileSystem files;
  absl::StatusOr<std::string> text = files.ReadFile(path);
  if (text.ok()) return text;
  return absl::Status(text.status().code(), absl::StrCat(option, ": ", text.status().message()));
}

absl::Status Wrong(absl::string_view option, const std::string& path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(option, ": ", path, " ", what));
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

  const Certificate certificate = FirstCertificate(files.certificate);
  if (certificate == nullptr) {
    return Wrong(kCertificate, options.tls_certificate_file, "holds no certificate in PEM");
  }
  const Key key = FirstKey(files.key);
  if (key == nullptr) {
    return Wrong(kKey, options.tls_key_file, "holds no private key in PEM, or it has a password");
  }
  const bool belongs = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!belongs) {
    return Wrong(kKey, options.tls_key_file,
                 absl::StrCat("is not the key of the certificate in ", options.tls_certificate_file,
                              " (tls.certificate_file)"));
  }
  if (options.tls_client_ca_file.empty()) return files;
  text = Read(kClientCa, options.tls_client_ca_file);
  if (!text.ok()) return text.status();
  files.client_ca = *std::move(text);
  if (FirstCertificate(files.client_ca) == nullptr) {
    return Wrong(kClientCa, options.tls_client_ca_file, "holds no certificate in PEM");
  }
  return files;
}

}  // namespace taskforge

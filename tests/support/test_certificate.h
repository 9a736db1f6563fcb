// Self-signed certificates for tests, made on the spot: nothing in the tree expires.
#ifndef TASKFORGE_SUPPORT_TEST_CERTIFICATE_H_
#define TASKFORGE_SUPPORT_TEST_CERTIFICATE_H_

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace taskforge {

struct TestCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

struct TestCertificateOptions {
  absl::Time not_before = absl::Now() - absl::Hours(1);
  absl::Time not_after = absl::Now() + absl::Hours(24 * 365);
  std::string common_name = "taskforge";
  std::string alternative_names = "IP:127.0.0.1";  // As openssl.cnf has them; empty: none.
};

inline std::string TakeText(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);  // NOLINT: OpenSSL's type.
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

// A new key on P-256 and a certificate for it, signed by itself: it is its own authority.
inline TestCertificate MakeTestCertificate(const TestCertificateOptions& options = {}) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  ASN1_TIME_set(X509_getm_notBefore(certificate), absl::ToTimeT(options.not_before));
  ASN1_TIME_set(X509_getm_notAfter(certificate), absl::ToTimeT(options.not_after));
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  if (!options.common_name.empty()) {
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(options.common_name.c_str()),
                               -1, -1, 0);
  }
  X509_set_issuer_name(certificate, name);
  if (!options.alternative_names.empty()) {
    X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name,
                                                options.alternative_names.c_str());
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
  }
  X509_sign(certificate, key, EVP_sha256());

  TestCertificate made;
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(out, certificate);
  made.certificate_pem = TakeText(out);
  out = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  made.key_pem = TakeText(out);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return made;
}

}  // namespace taskforge

#endif  // TASKFORGE_SUPPORT_TEST_CERTIFICATE_H_

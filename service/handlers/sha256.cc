#include <openssl/evp.h>

#include <array>

#include "absl/strings/escaping.h"
#include "handlers/built_in.h"

namespace taskforge {
namespace {

HandlerResult Sha256(const Attempt& attempt) {
  const absl::string_view data = attempt.input().data;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  if (EVP_Digest(data.data(), data.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    TaskError error;
    error.code = absl::StatusCode::kInternal;
    error.reason = "OPENSSL";
    error.message = "OpenSSL could not compute a SHA-256";
    return error;
  }
  Payload output;
  output.content_type = "text/plain";
  output.data =
      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
  output.is_text = true;
  return output;
}

}  // namespace

std::unique_ptr<Handler> MakeSha256Handler() {
  HandlerInfo info;
  info.name = "sha256";
  info.description = "The SHA-256 of its input, in hexadecimal.";
  info.version = "1";
  info.input_description = "Anything.";
  return std::make_unique<SyncHandler>(std::move(info), Sha256);
}

}  // namespace taskforge

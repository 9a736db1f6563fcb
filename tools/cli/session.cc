#include "cli/session.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <climits>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file_system.h"

namespace taskforge::cli {
namespace {

bool WantsColour() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  if (terminal != nullptr && absl::string_view(terminal) == "dumb") return false;
  return isatty(STDOUT_FILENO) != 0;
}

std::string ReadOptionFile(const std::string& path, const std::string& option) {
  PosixFileSystem files;
  absl::StatusOr<std::string> text = files.ReadFile(path);
  if (!text.ok()) throw CLI::ValidationError(option, std::string(text.status().message()));
  return *std::move(text);
}

// gRPC takes anything for a certificate, and then says only that it has no address.
std::string ReadPemFile(const std::string& path, const std::string& option) {
  std::string text = ReadOptionFile(path, option);
  if (!absl::StrContains(text, "-----BEGIN ")) {
    throw CLI::ValidationError(option, path + " has nothing in PEM");
  }
  return text;
}

}  // namespace

Session::Session()
    : stdout_is_terminal_(isatty(STDOUT_FILENO) != 0),
      stderr_is_terminal_(isatty(STDERR_FILENO) != 0),
      colour_(WantsColour()) {}

std::shared_ptr<grpc::Channel> Session::Channel() {
  MutexLock lock(mu_);
  if (channel_ != nullptr) return channel_;
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  if (options.tls_ca.empty()) {
    credentials = grpc::InsecureChannelCredentials();
  } else {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = ReadPemFile(options.tls_ca, "--tls-ca");
    if (!options.tls_cert.empty()) {
      tls.pem_cert_chain = ReadPemFile(options.tls_cert, "--tls-cert");
      tls.pem_private_key = ReadPemFile(options.tls_key, "--tls-key");
    }
    credentials = grpc::SslCredentials(tls);
  }
  grpc::ChannelArguments arguments;
  arguments.SetUserAgentPrefix("taskforge-cli");
  // The server's limits say what is too much, not the client's.
  arguments.SetMaxReceiveMessageSize(INT_MAX);
  arguments.SetMaxSendMessageSize(INT_MAX);
  // A proxy from the environment is for the web, not for a server next door.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  channel_ = grpc::CreateCustomChannel(options.server, credentials, arguments);
  return channel_;
}

std::string Session::Authorization() {
  MutexLock lock(mu_);
  if (!authorization_.has_value()) {
    authorization_ = "";
    const char* token = std::getenv("TASKFORGE_TOKEN");
    if (options.token_file.empty() && token != nullptr && *token != '\0') {
      authorization_ = absl::StrCat("Bearer ", token);
    } else if (!options.token_file.empty()) {
      const std::string text = ReadOptionFile(options.token_file, "--token-file");
      const std::string line(absl::StripAsciiWhitespace(text.substr(0, text.find('\n'))));
      if (line.empty()) {
        throw CLI::ValidationError("--token-file", options.token_file + " has no token");
      }
      authorization_ = absl::StrCat("Bearer ", line);
    }
  }
  return *authorization_;
}

void Session::Interrupt() {
  interrupted_.Notify();
  MutexLock lock(mu_);
  for (grpc::ClientContext* context : open_) context->TryCancel();
}

void Session::Register(grpc::ClientContext* context) {
  MutexLock lock(mu_);
  if (interrupted()) context->TryCancel();
  open_.insert(context);
}

void Session::Unregister(grpc::ClientContext* context) {
  MutexLock lock(mu_);
  open_.erase(context);
}

Call::Call(Session& session, absl::Duration fallback) : session_(session) {
  const std::string authorization = session.Authorization();
  if (!authorization.empty()) context_.AddMetadata("authorization", authorization);
  const absl::Duration limit = session.options.deadline.value_or(fallback);
  if (limit < absl::InfiniteDuration()) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + limit));
  }
  session_.Register(&context_);
}

Call::~Call() { session_.Unregister(&context_); }

}  // namespace taskforge::cli

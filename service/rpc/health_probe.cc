#include "rpc/health_probe.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

#include "base/file_system.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace taskforge {
namespace {

constexpr int kServing = 0;
constexpr int kWrongOption = 1;
constexpr int kNoConnection = 2;
constexpr int kCallFailed = 3;
constexpr int kNotServing = 4;

std::chrono::system_clock::time_point After(double seconds) {
  return std::chrono::system_clock::now() +
         std::chrono::microseconds(static_cast<int64_t>(seconds * 1e6));
}

// Reads a file into `out`, if one is named.
absl::Status ReadInto(const std::string& path, std::string& out) {
  if (path.empty()) return absl::OkStatus();
  PosixFileSystem files;
  absl::StatusOr<std::string> text = files.ReadFile(path);
  if (text.ok()) out = *std::move(text);
  return text.status();
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> Credentials(
    const HealthProbeOptions& options) {
  if (options.tls_certificate_file.empty() != options.tls_key_file.empty()) {
    return absl::InvalidArgumentError("--tls-cert and --tls-key go together");
  }
  if (options.tls_ca_file.empty() && options.tls_certificate_file.empty()) {
    return grpc::InsecureChannelCredentials();
  }
  grpc::SslCredentialsOptions tls;
  absl::Status status = ReadInto(options.tls_ca_file, tls.pem_root_certs);
  status.Update(ReadInto(options.tls_certificate_file, tls.pem_cert_chain));
  status.Update(ReadInto(options.tls_key_file, tls.pem_private_key));
  if (!status.ok()) return status;
  return grpc::SslCredentials(tls);
}

}  // namespace

int ProbeHealth(const HealthProbeOptions& options) {
  namespace health = grpc::health::v1;
  if (!(options.timeout_seconds > 0)) {
    std::fprintf(stderr, "error: --timeout must be above 0\n");
    return kWrongOption;
  }
  const absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> credentials =
      Credentials(options);
  if (!credentials.ok()) {
    std::fprintf(stderr, "error: %s\n", std::string(credentials.status().message()).c_str());
    return kWrongOption;
  }
  grpc::ChannelArguments arguments;
  // A proxy from the environment is for the web, not for a server next door.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (!options.tls_server_name.empty()) {
    arguments.SetSslTargetNameOverride(options.tls_server_name);
  }
  const auto channel = grpc::CreateCustomChannel(options.address, *credentials, arguments);
  if (!channel->WaitForConnected(After(options.timeout_seconds))) {
    std::fprintf(stderr, "error: no connection to %s within %g s\n", options.address.c_str(),
                 options.timeout_seconds);
    return kNoConnection;
  }
  grpc::ClientContext context;
  context.set_deadline(After(options.timeout_seconds));
  health::HealthCheckRequest request;
  request.set_service(options.service);
  health::HealthCheckResponse response;
  const grpc::Status status = health::Health::NewStub(channel)->Check(&context, request, &response);
  if (!status.ok()) {
    std::fprintf(stderr, "error: %s (code %d)\n", status.error_message().c_str(),
                 static_cast<int>(status.error_code()));
    return kCallFailed;
  }
  std::printf("status: %s\n",
              health::HealthCheckResponse::ServingStatus_Name(response.status()).c_str());
  return response.status() == health::HealthCheckResponse::SERVING ? kServing : kNotServing;
}

std::string GrpcVersion() { return grpc::Version(); }

}  // namespace taskforge

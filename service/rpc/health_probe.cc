#include "rpc/health_probe.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <memory>

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

}  // namespace

int ProbeHealth(const HealthProbeOptions& options) {
  namespace health = grpc::health::v1;
  if (!(options.timeout_seconds > 0)) {
    std::fprintf(stderr, "error: --timeout must be above 0\n");
    return kWrongOption;
  }
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (!options.tls_ca_file.empty()) {
    PosixFileSystem files;
    const absl::StatusOr<std::string> roots = files.ReadFile(options.tls_ca_file);
    if (!roots.ok()) {
      std::fprintf(stderr, "error: %s\n", std::string(roots.status().message()).c_str());
      return kWrongOption;
    }
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = *roots;
    credentials = grpc::SslCredentials(tls);
  }
  const auto channel = grpc::CreateChannel(options.address, credentials);
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

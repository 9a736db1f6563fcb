// Asks a server how it is, with the exit codes of grpc_health_probe.
#ifndef TASKFORGE_RPC_HEALTH_PROBE_H_
#define TASKFORGE_RPC_HEALTH_PROBE_H_

#include <string>

namespace taskforge {

struct HealthProbeOptions {
  std::string address = "127.0.0.1:7480";  // Or unix:PATH.
  std::string service;                     // Empty: the server as a whole.
  double timeout_seconds = 5;              // For the connection, and again for the call.
  // PEM files. TLS is spoken if any is set; without the first, the system's authorities are
  // trusted.
  std::string tls_ca_file;
  std::string tls_certificate_file;  // The client's, for servers that ask for one; with its key.
  std::string tls_key_file;
  std::string tls_server_name;  // Expected in the server's certificate; empty: the address.
};

// Prints one line and returns the exit code: 0 serving; 1 an option is wrong; 2 no connection;
// 3 the call failed; 4 not serving.
int ProbeHealth(const HealthProbeOptions& options);

// The version of the gRPC library that is in use.
std::string GrpcVersion();

}  // namespace taskforge

#endif  // TASKFORGE_RPC_HEALTH_PROBE_H_

// What `taskforged health` asks when it is told no address: the server of the same configuration.
#ifndef TASKFORGE_HEALTH_TARGET_H_
#define TASKFORGE_HEALTH_TARGET_H_

#include "absl/status/status.h"
#include "base/file_system.h"
#include "config/config.h"
#include "rpc/health_probe.h"

namespace taskforge {

// Fills in `probe.address`: the first of grpc.listen, from this machine's side. Where that speaks
// TLS, also what is not set of `tls_ca_file` (the server's own certificate is trusted) and
// `tls_server_name` (a name that the certificate is for, whatever address is dialled).
// FAILED_PRECONDITION: the port is 0, so nobody knows it; else what reading the certificate says.
absl::Status AimAt(const Config& config, FileSystem& files, HealthProbeOptions& probe);

}  // namespace taskforge

#endif  // TASKFORGE_HEALTH_TARGET_H_

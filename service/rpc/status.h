// An error of the core as gRPC sends it: canonical code, message, google.rpc.Status with details in
// grpc-status-details-bin.
#ifndef TASKFORGE_RPC_STATUS_H_
#define TASKFORGE_RPC_STATUS_H_

#include <grpcpp/support/status.h>

#include <optional>
#include <string>

#include "absl/status/status.h"

namespace taskforge {

inline constexpr char kErrorDomain[] = "taskforge";
// In ErrorInfo.metadata: how many violations did not fit.
inline constexpr char kLeftOutKey[] = "violations_left_out";

// A serialized google.rpc.Status: ErrorInfo{reason, domain "taskforge"} always, BadRequest,
// QuotaFailure and RetryInfo when `status` carries them (base/error.h). REQUIRES: not OK.
std::string StatusDetails(const absl::Status& status);

// OK stays OK. Details that would not fit into the metadata limit of ordinary clients (8 KiB) are
// cut: violations from the end, so that a client still learns the first of them; how many were left
// out stands in the ErrorInfo's metadata, `violations_left_out`.
grpc::Status ToGrpcStatus(const absl::Status& status);

// The value of grpc-retry-pushback-ms, when the error says how long to wait.
std::optional<std::string> RetryPushback(const absl::Status& status);

}  // namespace taskforge

#endif  // TASKFORGE_RPC_STATUS_H_

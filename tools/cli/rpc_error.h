// What a failed call says to people: code, reason, fields, and one command to try next.
#ifndef TASKFORGE_CLI_RPC_ERROR_H_
#define TASKFORGE_CLI_RPC_ERROR_H_

#include <grpcpp/support/status.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cli/exit_code.h"
#include "cli/session.h"

namespace taskforge::cli {

struct RpcError {
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string message;
  std::string reason;                                       // ErrorInfo.reason
  std::map<std::string, std::string> metadata;              // ErrorInfo.metadata
  std::vector<std::pair<std::string, std::string>> fields;  // BadRequest: field, description
  std::vector<std::pair<std::string, std::string>> quotas;  // QuotaFailure: subject, …
  std::optional<absl::Duration> retry_after;                // RetryInfo
};

// Takes a status apart; `details` is a serialized google.rpc.Status, as grpc-status-details-bin
// carries it. What cannot be read there is left out.
RpcError DecodeError(grpc::StatusCode code, absl::string_view message, absl::string_view details);
RpcError DecodeError(const grpc::Status& status);

// `INVALID_ARGUMENT`, …
std::string CodeName(grpc::StatusCode code);

// Lines for stderr. `options` are those that the call was made with; `command` the words of the
// command line that failed, for example `task get`.
std::string RenderError(const RpcError& error, const GlobalOptions& options,
                        absl::string_view command);
// The words that call this command for the same server again: `taskforge --server host:1`.
std::string SelfCommand(const GlobalOptions& options);
// The one command to try next.
std::string NextCommand(const RpcError& error, const GlobalOptions& options,
                        absl::string_view command);

// Prints it on stderr, and returns the exit code.
ExitCode ReportError(const Session& session, const grpc::Status& status, absl::string_view command);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_RPC_ERROR_H_

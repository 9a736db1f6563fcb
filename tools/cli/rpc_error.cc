#include "cli/rpc_error.h"

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/format.h"
#include "cli/session.h"
#include "cli/tls_hint.h"

namespace taskforge::cli {
namespace {

// The words of the command that shows what is there; nothing if the error is not about queues
// or schedules.
std::string NextQueueCommand(const RpcError& error) {
  if (error.reason == "QUEUE_NOT_EMPTY") {
    const auto queue = error.metadata.find("queue");
    return absl::StrCat("queue get ", queue == error.metadata.end() ? "QUEUE" : queue->second);
  }
  const bool is_of_schedule =
      error.reason == "SCHEDULE_UNKNOWN" || error.reason == "SCHEDULE_EXISTS" ||
      error.reason == "SCHEDULE_CHANGING" || error.reason == "TOO_MANY_SCHEDULES";
  if (is_of_schedule) return "schedule ls";
  const bool is_of_queue = error.reason == "QUEUE_UNKNOWN" || error.reason == "QUEUE_EXISTS" ||
                           error.reason == "QUEUE_IS_DEFAULT" || error.reason == "TOO_MANY_QUEUES";
  return is_of_queue ? "queue ls" : "";
}

}  // namespace

RpcError DecodeError(const grpc::Status& status) {
  return DecodeError(status.error_code(), status.error_message(), status.error_details());
}

std::string CodeName(grpc::StatusCode code) {
  static constexpr const char* kNames[] = {"OK",
                                           "CANCELLED",
                                           "UNKNOWN",
                                           "INVALID_ARGUMENT",
                                           "DEADLINE_EXCEEDED",
                                           "NOT_FOUND",
                                           "ALREADY_EXISTS",
                                           "PERMISSION_DENIED",
                                           "RESOURCE_EXHAUSTED",
                                           "FAILED_PRECONDITION",
                                           "ABORTED",
                                           "OUT_OF_RANGE",
                                           "UNIMPLEMENTED",
                                           "INTERNAL",
                                           "UNAVAILABLE",
                                           "DATA_LOSS",
                                           "UNAUTHENTICATED"};
  const int number = static_cast<int>(code);
  if (number < 0 || number > 16) return absl::StrCat("CODE_", number);
  return kNames[number];
}

std::string SelfCommand(const GlobalOptions& options) {
  std::string text = "taskforge";
  if (options.server != GlobalOptions().server) {
    absl::StrAppend(&text, " --server ", options.server);
  }
  for (const auto& [flag, value] : {std::pair{"--tls-ca", &options.tls_ca},
                                    {"--tls-cert", &options.tls_cert},
                                    {"--tls-key", &options.tls_key},
                                    {"--token-file", &options.token_file}}) {
    if (!value->empty()) absl::StrAppend(&text, " ", flag, " ", *value);
  }
  return text;
}

std::string NextCommand(const RpcError& error, const GlobalOptions& options,
                        absl::string_view command) {
  const std::string self = SelfCommand(options);
  if (const std::string next = NextQueueCommand(error); !next.empty()) {
    return absl::StrCat(self, " ", Printable(next, 128));
  }
  switch (error.code) {
    case grpc::StatusCode::UNAVAILABLE:
      if (!error.reason.empty()) return absl::StrCat(self, " server info");
      if (const auto hint = HintOnTls(error, options)) {
        return absl::StrCat(SelfCommand(hint->next), " server info");
      }
      return "taskforged serve";
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED: {
      if (error.reason == "ADMIN_LOCAL_ONLY") return "taskforged serve --auth-token-file FILE";
      GlobalOptions with_token = options;
      with_token.token_file = "FILE";
      return absl::StrCat(SelfCommand(with_token), " ", command);
    }
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return command == "run" ? absl::StrCat(self, " task ls --state running")
                              : absl::StrCat(self, " --deadline 60s ", command);
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return absl::StrCat(self, " top");
    case grpc::StatusCode::NOT_FOUND:
      if (absl::StartsWith(command, "handler")) return absl::StrCat(self, " handler ls");
      return absl::StrCat(self, " task ls");
    case grpc::StatusCode::FAILED_PRECONDITION:
      if (error.reason == "HANDLER_UNKNOWN") return absl::StrCat(self, " handler ls");
      return absl::StrCat(self, " task ls");
    case grpc::StatusCode::ALREADY_EXISTS:
      return absl::StrCat(self, " task ls");
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::OUT_OF_RANGE:
      return absl::StrCat("taskforge ", command, " --help");
    default:
      return absl::StrCat(self, " server info");
  }
}

std::string RenderError(const RpcError& error, const GlobalOptions& options,
                        absl::string_view command) {
  std::string text = absl::StrCat("error: ", CodeName(error.code));
  if (!error.reason.empty()) absl::StrAppend(&text, " (", Printable(error.reason, 128), ")");
  absl::StrAppend(&text, ": ", Printable(error.message, 4096), "\n");
  // One that the message says already is not said twice.
  const bool is_said = error.fields.size() == 1 &&
                       absl::StrContains(error.message, error.fields.front().first) &&
                       absl::StrContains(error.message, error.fields.front().second);
  for (const auto& [field, description] : error.fields) {
    if (is_said) break;
    absl::StrAppend(&text, "  ", Printable(field, 256), ": ", Printable(description, 1024), "\n");
  }
  for (const auto& [subject, description] : error.quotas) {
    absl::StrAppend(&text, "  ", Printable(subject, 256), ": ", Printable(description, 1024), "\n");
  }
  for (const auto& [key, value] : error.metadata) {
    absl::StrAppend(&text, "  ", Printable(key, 64), " = ", Printable(value, 1024), "\n");
  }
  if (error.retry_after.has_value()) {
    absl::StrAppend(&text, "  try again in ", DurationText(*error.retry_after), "\n");
  }
  if (const auto hint = HintOnTls(error, options)) absl::StrAppend(&text, "  ", hint->why, "\n");
  absl::StrAppend(&text, "try: ", NextCommand(error, options, command), "\n");
  return text;
}

ExitCode ReportError(const Session& session, const grpc::Status& status,
                     absl::string_view command) {
  if (session.interrupted()) {
    std::fputs("interrupted\n", stderr);
    return kExitInterrupted;
  }
  const std::string text = RenderError(DecodeError(status), session.options, command);
  std::fputs(text.c_str(), stderr);
  return ExitCodeOf(status.error_code());
}

}  // namespace taskforge::cli

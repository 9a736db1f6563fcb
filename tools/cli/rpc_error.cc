#include "cli/rpc_error.h"

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/format.h"
#include "cli/session.h"

namespace taskforge::cli {

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

std::string SelfCommand(absl::string_view server) {
  if (server == GlobalOptions().server) return "taskforge";
  return absl::StrCat("taskforge --server ", server);
}

std::string NextCommand(const RpcError& error, absl::string_view server,
                        absl::string_view command) {
  const std::string self = server == "127.0.0.1:7480" ? std::string("taskforge")
                                                      : absl::StrCat("taskforge --server ", server);
  switch (error.code) {
    case grpc::StatusCode::UNAVAILABLE:
      if (!error.reason.empty()) return absl::StrCat(self, " server info");
      return "taskforged serve";
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return absl::StrCat(self, " --token-file FILE ", command);
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
      return absl::StrCat("taskforge ", command, " --help");
    case grpc::StatusCode::UNIMPLEMENTED:
      return absl::StrCat(self, " server info");
    default:
      return "";
  }
}

std::string RenderError(const RpcError& error, absl::string_view server,
                        absl::string_view command) {
  std::string text = absl::StrCat("error: ", CodeName(error.code));
  if (!error.reason.empty()) absl::StrAppend(&text, " (", Printable(error.reason, 128), ")");
  absl::StrAppend(&text, ": ", Printable(error.message, 4096), "\n");
  // One that the message says already is not said twice.
  const bool is_said =
      error.fields.size() == 1 && absl::StrContains(error.message, error.fields.front().second);
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
  const std::string next = NextCommand(error, server, command);
  if (!next.empty()) absl::StrAppend(&text, "try: ", next, "\n");
  return text;
}

ExitCode ReportError(const Session& session, const grpc::Status& status,
                     absl::string_view command) {
  if (session.interrupted()) {
    std::fputs("interrupted\n", stderr);
    return kExitInterrupted;
  }
  const std::string text = RenderError(DecodeError(status), session.options.server, command);
  std::fputs(text.c_str(), stderr);
  return ExitCodeOf(status.error_code());
}

}  // namespace taskforge::cli

#include <array>

#include "metrics/component_metrics.h"

namespace taskforge {
namespace {

// gRPC's codes in the spelling of the go-grpc ecosystem, whose dashboards then work.
constexpr std::array<const char*, kRpcCodeCount> kCodes = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

const char* TypeName(RpcType type) {
  switch (type) {
    case RpcType::kUnary:
      return "unary";
    case RpcType::kServerStream:
      return "server_stream";
    case RpcType::kBidiStream:
      return "bidi_stream";
  }
  return "unary";
}

}  // namespace

void CollectRpc(const RpcStats& stats, Families& families) {
  for (const RpcMethodStats& method : stats.methods) {
    const Labels labels = {{"grpc_type", TypeName(method.type)},
                           {"grpc_service", method.service},
                           {"grpc_method", method.method}};
    families.Counter("grpc_server_started_total", "Calls that began.", labels,
                     static_cast<double>(method.started));
    families.Counter("grpc_server_msg_received_total", "Messages from clients.", labels,
                     static_cast<double>(method.messages_received));
    families.Counter("grpc_server_msg_sent_total", "Messages to clients.", labels,
                     static_cast<double>(method.messages_sent));
    families.Histogram("grpc_server_handling_seconds", "From the start of a call to its end.",
                       labels, method.handling, RpcBuckets());
    for (size_t code = 0; code < kRpcCodeCount; ++code) {
      Labels with_code = labels;
      with_code.emplace_back("grpc_code", kCodes[code]);
      families.Counter("grpc_server_handled_total", "Calls that ended, by code.", with_code,
                       static_cast<double>(method.handled[code]));
    }
  }
}

}  // namespace taskforge

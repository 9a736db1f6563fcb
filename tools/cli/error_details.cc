// The half of rpc_error.h that reads google.rpc messages.
#include <google/rpc/error.pb.h>

#include "cli/format.h"
#include "cli/rpc_error.h"

namespace taskforge::cli {
namespace {

void AddDetail(const google::protobuf::Any& detail, RpcError& error) {
  google::rpc::ErrorInfo info;
  google::rpc::RetryInfo retry;
  google::rpc::QuotaFailure quota;
  google::rpc::BadRequest bad_request;
  if (detail.UnpackTo(&info)) {
    error.reason = info.reason();
    error.metadata.insert(info.metadata().begin(), info.metadata().end());
  } else if (detail.UnpackTo(&retry)) {
    error.retry_after = ToDuration(retry.retry_delay());
  } else if (detail.UnpackTo(&quota)) {
    for (const auto& violation : quota.violations()) {
      error.quotas.emplace_back(violation.subject(), violation.description());
    }
  } else if (detail.UnpackTo(&bad_request)) {
    for (const auto& violation : bad_request.field_violations()) {
      error.fields.emplace_back(violation.field(), violation.description());
    }
  }
}

}  // namespace

RpcError DecodeError(grpc::StatusCode code, absl::string_view message, absl::string_view details) {
  RpcError error;
  error.code = code;
  error.message = std::string(message);
  google::rpc::Status status;
  if (status.ParseFromArray(details.data(), static_cast<int>(details.size()))) {
    for (const google::protobuf::Any& detail : status.details()) AddDetail(detail, error);
  }
  return error;
}

}  // namespace taskforge::cli

#include "rpc/status.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "google/rpc/error.pb.h"

namespace taskforge {
namespace {

// Of the trailers a client accepts 8 KiB by default; base64 makes 4 bytes out of 3, and the message
// stands there twice.
constexpr size_t kMaxDetailsBytes = 4096;
constexpr size_t kMaxMessageBytes = 1024;

std::string CutMessage(absl::string_view message) {
  if (message.size() <= kMaxMessageBytes) return std::string(message);
  size_t end = kMaxMessageBytes;
  // Not in the middle of a UTF-8 sequence.
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(message.substr(0, end), "...");
}

// An error that names no reason: the code's own name will do.
std::string ReasonOf(const absl::Status& status, const ErrorDetails& details) {
  if (!details.reason.empty()) return details.reason;
  return absl::StatusCodeToString(status.code());
}

template <typename T>
size_t CountOver(const std::vector<T>& all, size_t limit) {
  return all.size() > limit ? all.size() - limit : 0;
}

void AddDetail(const google::protobuf::Message& detail, google::rpc::Status& out) {
  out.add_details()->PackFrom(detail);
}

google::rpc::Status ToRpcStatus(const absl::Status& status, const ErrorDetails& details,
                                size_t max_violations) {
  google::rpc::Status out;
  out.set_code(static_cast<int>(status.code()));
  out.set_message(CutMessage(status.message()));
  google::rpc::ErrorInfo info;
  info.set_reason(ReasonOf(status, details));
  info.set_domain(kErrorDomain);
  for (const auto& [key, value] : details.metadata) (*info.mutable_metadata())[key] = value;
  const size_t left_out = CountOver(details.field_violations, max_violations) +
                          CountOver(details.quota_violations, max_violations);
  if (left_out > 0) (*info.mutable_metadata())[kLeftOutKey] = absl::StrCat(left_out);
  AddDetail(info, out);
  google::rpc::BadRequest bad;
  for (const FieldViolation& violation : details.field_violations) {
    if (static_cast<size_t>(bad.field_violations_size()) == max_violations) break;
    auto* to = bad.add_field_violations();
    to->set_field(CutMessage(violation.field));
    to->set_description(CutMessage(violation.description));
  }
  if (bad.field_violations_size() > 0) AddDetail(bad, out);
  google::rpc::QuotaFailure quota;
  for (const QuotaViolation& violation : details.quota_violations) {
    if (static_cast<size_t>(quota.violations_size()) == max_violations) break;
    auto* to = quota.add_violations();
    to->set_subject(violation.subject);
    to->set_description(violation.description);
  }
  if (quota.violations_size() > 0) AddDetail(quota, out);
  if (details.retry_after.has_value()) {
    google::rpc::RetryInfo retry;
    timespec delay = absl::ToTimespec(*details.retry_after);
    retry.mutable_retry_delay()->set_seconds(delay.tv_sec);
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(delay.tv_nsec));
    AddDetail(retry, out);
  }
  return out;
}

}  // namespace

std::string StatusDetails(const absl::Status& status) {
  const ErrorDetails details = DetailsOf(status);
  size_t violations = std::max(details.field_violations.size(), details.quota_violations.size());
  std::string bytes = ToRpcStatus(status, details, violations).SerializeAsString();
  while (bytes.size() > kMaxDetailsBytes && violations > 0) {
    violations /= 2;
    bytes = ToRpcStatus(status, details, violations).SerializeAsString();
  }
  return bytes;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), CutMessage(status.message()),
                      StatusDetails(status));
}

std::optional<std::string> RetryPushback(const absl::Status& status) {
  if (status.ok()) return std::nullopt;
  const std::optional<absl::Duration> wait = DetailsOf(status).retry_after;
  if (!wait.has_value()) return std::nullopt;
  return absl::StrCat(std::max<int64_t>(1, absl::ToInt64Milliseconds(*wait)));
}

}  // namespace taskforge

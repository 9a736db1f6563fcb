// CancelTasks and RetryTasks.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "rpc/coroutine.h"
#include "rpc/list_filter.h"
#include "rpc/paging.h"
#include "rpc/task_service.h"
#include "rpc/violations.h"
#include "task/uuid.h"
#include "task/validation.h"

namespace taskforge {
namespace {

// What goes behind it is `/` and a uid.
constexpr size_t kMaxBulkRequestIdBytes = kMaxRequestIdBytes - 1 - Uuid::kTextBytes;

// What both requests have.
template <typename Request>
absl::Status BulkFrom(const Request& request, BulkRequest& bulk, Violations& violations) {
  const absl::Status known =
      ParseTaskSelection(request.parent(), request.filter(), bulk.filter, violations);
  if (!known.ok()) return known;
  bulk.page_size = PageSizeFrom(request.page_size(), violations);
  bulk.page_token = request.page_token();
  bulk.dry_run = request.dry_run();
  return absl::OkStatus();
}

template <typename Response>
void FailuresTo(const BulkResult& result, Response& response) {
  response.set_failed(static_cast<int64_t>(result.failed));
  for (const BulkResult::Failure& failure : result.failures) {
    v1::TaskFailure& out = *response.add_failures();
    out.set_name(failure.name);
    out.set_code(static_cast<int>(failure.status.code()));
    out.set_reason(DetailsOf(failure.status).reason);
    out.set_message(std::string(failure.status.message()));
  }
}

using ResultOr = absl::StatusOr<BulkResult>;
using ResultLater = Ref<Eventual<ResultOr>>;

// What is under way goes on; ends may wait until the disk has room again, the client does not.
void EndWith(Call& call, const ResultLater& later) {
  call.OnEnd([later](Call::End) {
    later->Set(absl::CancelledError("the call ended before all of it was kept"));
  });
}

}  // namespace

Reply TaskService::CancelTasks(UnaryCall<v1::CancelTasksRequest, v1::CancelTasksResponse>& call) {
  Violations violations;
  BulkRequest bulk;
  const absl::Status known = BulkFrom(call.request(), bulk, violations);
  if (!known.ok()) co_return known;
  if (bulk.filter.state.has_value() && IsTerminal(*bulk.filter.state)) {
    violations.Add("filter",
                   "what has ended cannot be cancelled: want SCHEDULED, QUEUED, RUNNING "
                   "or no state");
  }
  if (!violations.empty()) co_return violations.TakeStatus();
  const ResultLater later = MakeRef<Eventual<ResultOr>>();
  EndWith(call, later);
  bulk_.Cancel(std::move(bulk), [later](ResultOr result) { later->Set(std::move(result)); });
  Eventual<ResultOr>& result_later = *later;
  const ResultOr result = co_await result_later;
  if (!result.ok()) co_return result.status();
  v1::CancelTasksResponse& response = call.response();
  response.set_matched(static_cast<int64_t>(result->matched));
  response.set_cancelled(static_cast<int64_t>(result->done));
  response.set_stopping(static_cast<int64_t>(result->stopping));
  for (const BulkResult::Done& done : result->names) response.add_names(done.name);
  FailuresTo(*result, response);
  response.set_next_page_token(result->next_page_token);
  co_return absl::OkStatus();
}

Reply TaskService::RetryTasks(UnaryCall<v1::RetryTasksRequest, v1::RetryTasksResponse>& call) {
  Violations violations;
  BulkRequest bulk;
  const absl::Status known = BulkFrom(call.request(), bulk, violations);
  if (!known.ok()) co_return known;
  if (!bulk.filter.state.has_value() || !IsTerminal(*bulk.filter.state)) {
    violations.Add("filter",
                   "must name the state of the tasks to retry: state = FAILED, or "
                   "CANCELLED, EXPIRED, SUCCEEDED");
  }
  const std::string& request_id = call.request().request_id();
  if (request_id.size() > kMaxBulkRequestIdBytes) {
    violations.Add("request_id", absl::StrCat("has ", request_id.size(), " bytes; at most ",
                                              kMaxBulkRequestIdBytes));
  }
  if (!violations.empty()) co_return violations.TakeStatus();
  BulkTasks::Asker asker{std::string(call.principal()), std::string(call.Trace().traceparent),
                         std::string(call.Trace().x_request_id), request_id};
  const ResultLater later = MakeRef<Eventual<ResultOr>>();
  EndWith(call, later);
  bulk_.Retry(std::move(bulk), std::move(asker),
              [later](ResultOr result) { later->Set(std::move(result)); });
  Eventual<ResultOr>& result_later = *later;
  const ResultOr result = co_await result_later;
  if (!result.ok()) co_return result.status();
  v1::RetryTasksResponse& response = call.response();
  response.set_matched(static_cast<int64_t>(result->matched));
  response.set_retried(static_cast<int64_t>(result->done));
  for (const BulkResult::Done& done : result->names) {
    v1::RetriedTask& task = *response.add_tasks();
    task.set_name(done.name);
    task.set_retry(done.made);
  }
  FailuresTo(*result, response);
  response.set_next_page_token(result->next_page_token);
  co_return absl::OkStatus();
}

}  // namespace taskforge

#include "cli/task_bulk_commands.h"

#include <cstdint>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "cli/exit_code.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/rpc_error.h"
#include "cli/task_view.h"

namespace taskforge::cli {
namespace {

constexpr int kPageSize = 1000;

std::string Tasks(int64_t count) {
  return absl::StrCat(FormatCount(static_cast<uint64_t>(count)), count == 1 ? " task" : " tasks");
}

template <typename Request>
Request RequestFrom(const BulkOptions& options) {
  Request request;
  request.set_parent(options.filter.Parent());
  request.set_filter(options.filter.Filter());
  request.set_dry_run(options.dry_run);
  request.set_page_size(kPageSize);
  return request;
}

void PrintFailures(const google::protobuf::RepeatedPtrField<v1::TaskFailure>& failures) {
  for (const v1::TaskFailure& failure : failures) {
    std::fprintf(stderr, "%s: %s: %s\n", ShortName(failure.name()).c_str(),
                 CodeName(static_cast<grpc::StatusCode>(failure.code())).c_str(),
                 Printable(failure.message(), 1024).c_str());
  }
}

// Calls `method` until there are no more pages; `add` takes each answer. With -o json or jsonl each
// answer is printed.
template <typename Request, typename Response, typename Method, typename Add>
int ForPages(Session& session, Request request, const char* command, Method method, Add add) {
  int64_t failed = 0;
  do {
    Call call(session);
    Response page;
    const grpc::Status status = method(call.context(), request, &page);
    if (!status.ok()) return ReportError(session, status, command);
    PrintFailures(page.failures());
    failed += page.failed();
    add(page);
    if (session.options.output != OutputFormat::kTable) {
      std::fputs(ToJson(page, OutputFormat::kJsonLines).c_str(), stdout);
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (failed == 0) return kExitOk;
  std::fprintf(stderr, "%s failed\n", Tasks(failed).c_str());
  return kExitFailed;
}

}  // namespace

int CancelSelected(Session& session, v1::TaskService::Stub& stub, const BulkOptions& options) {
  const bool is_table = session.options.output == OutputFormat::kTable;
  int64_t matched = 0;
  int64_t cancelled = 0;
  int64_t stopping = 0;
  const int code = ForPages<v1::CancelTasksRequest, v1::CancelTasksResponse>(
      session, RequestFrom<v1::CancelTasksRequest>(options), "task cancel",
      [&](grpc::ClientContext* context, const auto& request, auto* page) {
        return stub.CancelTasks(context, request, page);
      },
      [&](const v1::CancelTasksResponse& page) {
        for (const std::string& name : page.names()) {
          if (is_table && options.dry_run) std::printf("%s\n", ShortName(name).c_str());
        }
        matched += page.matched();
        cancelled += page.cancelled();
        stopping += page.stopping();
      });
  if (!is_table) return code;
  if (options.dry_run) {
    std::printf("would cancel %s\n", Tasks(matched).c_str());
  } else {
    std::printf("cancelled %s, asked %s to stop\n", Tasks(cancelled).c_str(),
                Tasks(stopping).c_str());
  }
  return code;
}

int RetrySelected(Session& session, v1::TaskService::Stub& stub, const BulkOptions& options) {
  const bool is_table = session.options.output == OutputFormat::kTable;
  v1::RetryTasksRequest request = RequestFrom<v1::RetryTasksRequest>(options);
  request.set_request_id(options.request_id);
  int64_t matched = 0;
  int64_t retried = 0;
  const int code = ForPages<v1::RetryTasksRequest, v1::RetryTasksResponse>(
      session, request, "task retry",
      [&](grpc::ClientContext* context, const auto& asked, auto* page) {
        return stub.RetryTasks(context, asked, page);
      },
      [&](const v1::RetryTasksResponse& page) {
        for (const v1::RetriedTask& task : page.tasks()) {
          const std::string& name = options.dry_run ? task.name() : task.retry();
          if (is_table) std::printf("%s\n", ShortName(name).c_str());
        }
        matched += page.matched();
        retried += page.retried();
      });
  if (!is_table) return code;
  if (options.dry_run) {
    std::printf("would retry %s\n", Tasks(matched).c_str());
  } else {
    std::printf("retried %s\n", Tasks(retried).c_str());
  }
  return code;
}

}  // namespace taskforge::cli

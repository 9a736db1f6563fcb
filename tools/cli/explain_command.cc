#include "cli/explain_command.h"

#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/exit_code.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/rpc_error.h"
#include "cli/task_view.h"

namespace taskforge::cli {
namespace {

void AddLine(absl::string_view key, absl::string_view value, std::string& text) {
  if (!value.empty()) absl::StrAppendFormat(&text, "%-18s%s\n", key, value);
}

std::string DescribePosition(const v1::QueuePosition& position) {
  return absl::StrCat(position.exact() ? "" : "at most ",
                      FormatCount(static_cast<uint64_t>(position.ahead())), " before it");
}

}  // namespace

std::string DescribeExplanation(const v1::ExplainTaskResponse& response) {
  std::string text;
  AddLine("name", response.task().name(), text);
  AddLine("state", DescribeState(response.task()), text);
  AddLine("why", Printable(response.explanation(), 4096), text);
  if (response.has_position()) AddLine("position", DescribePosition(response.position()), text);
  if (response.has_expected_start_time()) {
    AddLine("expected start", FormatTime(response.expected_start_time()), text);
  }
  for (const std::string& advice : response.advice()) {
    AddLine("try", Printable(advice, 1024), text);
  }
  return text;
}

int ExplainTask(Session& session, v1::TaskService::Stub& stub, const std::string& name) {
  Call call(session);
  v1::ExplainTaskRequest request;
  request.set_name(name);
  v1::ExplainTaskResponse response;
  const grpc::Status status = stub.ExplainTask(call.context(), request, &response);
  if (!status.ok()) return ReportError(session, status, "task explain");
  const std::string text = session.options.output == OutputFormat::kTable
                               ? DescribeExplanation(response)
                               : ToJson(response, session.options.output);
  std::fputs(text.c_str(), stdout);
  return kExitOk;
}

}  // namespace taskforge::cli

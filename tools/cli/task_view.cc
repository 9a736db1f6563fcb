#include "cli/task_view.h"

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/utf8.h"
#include "cli/exit_code.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/payload_argument.h"
#include "cli/rpc_error.h"

namespace taskforge::cli {
namespace {

constexpr absl::string_view kDefaultPrefix = "queues/default/tasks/";

void AddLine(absl::string_view label, absl::string_view value, std::string& text) {
  if (!value.empty() && value != "-") absl::StrAppendFormat(&text, "%-12s  %s\n", label, value);
}

std::string DescribeError(const v1::TaskError& error) {
  return absl::StrCat(Printable(error.reason(), 128), ": ", Printable(error.message(), 2048),
                      error.retryable() ? " (retryable)" : "");
}

std::string DescribePayload(const v1::Payload& payload) {
  const std::string& bytes = PayloadBytes(payload);
  std::string text = FormatBytes(bytes.size());
  if (!payload.content_type().empty()) {
    absl::StrAppend(&text, " of ", Printable(payload.content_type(), 128));
  }
  if (IsUtf8(bytes) && !bytes.empty()) absl::StrAppend(&text, ": ", Printable(bytes, 200));
  return text;
}

std::string DescribeAttempt(const v1::Attempt& attempt) {
  std::string text = absl::StrCat(attempt.number(), " by ", Printable(attempt.executor(), 128));
  if (attempt.has_start_time() && attempt.has_end_time()) {
    absl::StrAppend(&text, ", ran ",
                    DurationText(ToTime(attempt.end_time()) - ToTime(attempt.start_time())));
  }
  if (attempt.lost()) absl::StrAppend(&text, ", lost");
  if (attempt.has_error()) absl::StrAppend(&text, ", ", DescribeError(attempt.error()));
  return text;
}

}  // namespace

std::string ShortName(const std::string& name) {
  return absl::StartsWith(name, kDefaultPrefix) ? name.substr(kDefaultPrefix.size()) : name;
}

Table TaskTable() {
  return Table({"TASK", "HANDLER", "PRIORITY", "STATE", ">AGE", ">WAITED", ">RAN", "WHY"});
}

void AddTaskRow(const v1::Task& task, Table& table) {
  const bool has_started = task.has_start_time();
  std::string why = FormatEnum(v1::WaitReason_Name(task.wait_reason()), "WAIT_REASON_");
  if (task.has_error()) why = task.error().reason();
  table.Add({ShortName(task.name()), task.handler(), FormatPriority(task.priority()),
             FormatState(task.state()), DurationText(absl::Now() - ToTime(task.create_time())),
             has_started ? DurationText(ToDuration(task.queue_duration())) : "",
             task.has_run_duration() ? DurationText(ToDuration(task.run_duration())) : "",
             Printable(why, 64)});
}

std::string DescribeTask(const v1::Task& task) {
  std::string text;
  AddLine("name", task.name(), text);
  AddLine("handler", task.handler(), text);
  AddLine("priority", FormatPriority(task.priority()), text);
  AddLine("state", DescribeState(task), text);
  AddLine("created", FormatTime(task.create_time()), text);
  AddLine("started", FormatTime(task.start_time()), text);
  AddLine("ended", FormatTime(task.end_time()), text);
  AddLine("next attempt", FormatTime(task.next_attempt_time()), text);
  AddLine("kept until", FormatTime(task.expire_time()), text);
  if (task.has_start_time()) AddLine("times", DescribeTimes(task), text);
  AddLine("durability", FormatEnum(v1::Durability_Name(task.effective_durability()), "DURABILITY_"),
          text);
  AddLine("retry of", task.retry_of(), text);
  for (const auto& [key, value] : task.labels()) {
    AddLine("label", absl::StrCat(key, "=", Printable(value)), text);
  }
  for (const v1::Attempt& attempt : task.attempts()) {
    AddLine("attempt", DescribeAttempt(attempt), text);
  }
  if (task.has_input()) AddLine("input", DescribePayload(task.input()), text);
  if (task.has_output()) AddLine("output", DescribePayload(task.output()), text);
  if (task.output_evicted()) AddLine("output", "dropped by the cap on kept results", text);
  if (task.has_error()) AddLine("error", DescribeError(task.error()), text);
  return text;
}

std::string DescribeTimes(const v1::Task& task) {
  std::string text = absl::StrCat("queued ", DurationText(ToDuration(task.queue_duration())));
  if (task.has_run_duration()) {
    absl::StrAppend(&text, ", ran ", DurationText(ToDuration(task.run_duration())));
  }
  if (task.attempts_size() > 1) {
    absl::StrAppend(&text, " (attempt ", task.attempts_size(), ")");
  }
  return text;
}

std::string DescribeState(const v1::Task& task) {
  std::string text = FormatState(task.state());
  const std::string why = FormatEnum(v1::WaitReason_Name(task.wait_reason()), "WAIT_REASON_");
  if (!why.empty()) absl::StrAppend(&text, " (", why, ")");
  if (task.has_progress() && !IsTerminal(task.state())) {
    absl::StrAppendFormat(&text, " %.0f %% %s", task.progress().fraction() * 100,
                          Printable(task.progress().message(), 200));
  }
  if (task.has_cancel_requested_time() && !IsTerminal(task.state())) {
    absl::StrAppend(&text, ", cancel asked for");
  }
  return text;
}

int PrintFinished(const Session& session, const v1::Task& task) {
  const bool succeeded = task.state() == v1::TASK_STATE_SUCCEEDED;
  if (session.options.output != OutputFormat::kTable) {
    std::fputs(ToJson(task, session.options.output).c_str(), stdout);
    return succeeded ? kExitOk : kExitFailed;
  }
  if (task.has_output()) PrintPayload(task.output(), session.stdout_is_terminal(), stdout);
  std::fflush(stdout);
  if (!succeeded) {
    std::fprintf(stderr, "%s: %s\n", ShortName(task.name()).c_str(),
                 FormatState(task.state()).c_str());
    if (task.has_error()) {
      std::fprintf(stderr, "error: %s (%s): %s\n",
                   CodeName(static_cast<grpc::StatusCode>(task.error().code())).c_str(),
                   Printable(task.error().reason(), 128).c_str(),
                   Printable(task.error().message(), 2048).c_str());
    }
    std::fprintf(stderr, "try: %s task get %s\n", SelfCommand(session.options).c_str(),
                 ShortName(task.name()).c_str());
  } else if (task.output_evicted()) {
    std::fputs("the output was dropped by the server's cap on kept results\n", stderr);
  }
  if (session.stderr_is_terminal() && task.has_start_time()) {
    std::fprintf(stderr, "%s\n", DescribeTimes(task).c_str());
  }
  return succeeded ? kExitOk : kExitFailed;
}

int ReportUsage(const absl::Status& status, absl::string_view command) {
  const std::string text =
      absl::StrCat("error: ", CodeName(static_cast<grpc::StatusCode>(status.code())), ": ",
                   Printable(status.message(), 4096), "\ntry: taskforge ", command, " --help\n");
  std::fputs(text.c_str(), stderr);
  return kExitUsage;
}

}  // namespace taskforge::cli

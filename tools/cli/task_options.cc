#include "cli/task_options.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/format.h"
#include "cli/payload_argument.h"

namespace taskforge::cli {

const CLI::Validator kDuration(
    [](std::string& text) {
      return ParseDurationText(text).has_value()
                 ? std::string()
                 : absl::StrCat(text, " is not a duration: 80ms, 1.5s, 2m, or seconds");
    },
    "DURATION");

namespace {

const CLI::Validator kPriority(
    [](std::string& text) {
      return ParsePriority(text).has_value()
                 ? std::string()
                 : absl::StrCat(text, " is not one of low, normal, high, critical");
    },
    "low|normal|high|critical");

const CLI::Validator kLabel(
    [](std::string& text) {
      return text.find('=') != std::string::npos && text[0] != '='
                 ? std::string()
                 : absl::StrCat(text, " is not KEY=VALUE");
    },
    "KEY=VALUE");

}  // namespace

void TaskOptions::AddTo(CLI::App& command, bool handler_required) {
  command.add_option("HANDLER", handler, "What runs the task: see `taskforge handler ls`")
      ->required(handler_required);
  command.add_option("-i,--input,INPUT", input, "TEXT, @FILE, or - for standard input");
  command.add_flag("--text", as_text, "Send the input as text, wherever it comes from");
  command.add_option("--content-type", content_type, "Media type of the input");
  command.add_option("-p,--priority", priority, "How urgent it is")->check(kPriority);
  command.add_option("--timeout", run_timeout, "How long one attempt may run")->check(kDuration);
  command.add_option("--queue-timeout", queue_timeout, "How long it may wait for its start")
      ->check(kDuration);
  command
      .add_option("--expires-in", task_deadline, "Neither start nor run after this time from now")
      ->check(kDuration);
  command.add_option("--in", schedule_in, "Not to be started before this time from now")
      ->check(kDuration);
  command.add_option("--max-attempts", max_attempts, "Attempts, the first included")
      ->check(CLI::Range(1, 100));
  command.add_option("--result-ttl", result_ttl, "How long the finished task can be read")
      ->check(kDuration);
  command.add_option("--result-topic", result_topic, "Publish the result on this topic too");
  command.add_option("-l,--label", labels, "A label; may be repeated")->check(kLabel);
  command.add_option("--queue", queue, "The queue, if not default");
  command.add_option("--id", task_id, "The task's id; the server makes one otherwise");
  command.add_option("--request-id", request_id, "Names this submission: repeated, it is one task");
}

absl::StatusOr<v1::SubmitTaskRequest> TaskOptions::MakeRequest() const {
  v1::SubmitTaskRequest request;
  if (!queue.empty()) request.set_parent(absl::StrCat("queues/", queue));
  request.set_task_id(task_id);
  request.set_request_id(request_id);
  v1::Task& task = *request.mutable_task();
  task.set_handler(handler);
  absl::StatusOr<v1::Payload> payload = MakePayload(input, as_text, content_type);
  if (!payload.ok()) return payload.status();
  *task.mutable_input() = *std::move(payload);
  // The validators have let pass only what can be parsed.
  if (!priority.empty()) task.set_priority(*ParsePriority(priority));
  if (!run_timeout.empty()) {
    SetDuration(*ParseDurationText(run_timeout), *task.mutable_run_timeout());
  }
  if (!queue_timeout.empty()) {
    SetDuration(*ParseDurationText(queue_timeout), *task.mutable_queue_timeout());
  }
  if (!result_ttl.empty()) SetDuration(*ParseDurationText(result_ttl), *task.mutable_result_ttl());
  if (!task_deadline.empty()) {
    SetTime(absl::Now() + *ParseDurationText(task_deadline), *task.mutable_deadline());
  }
  if (!schedule_in.empty()) {
    SetTime(absl::Now() + *ParseDurationText(schedule_in), *task.mutable_schedule_time());
  }
  if (max_attempts > 0) task.mutable_retry_policy()->set_max_attempts(max_attempts);
  task.set_result_topic(result_topic);
  for (const std::string& label : labels) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(label, absl::MaxSplits('=', 1));
    (*task.mutable_labels())[pair.first] = pair.second;
  }
  return request;
}

}  // namespace taskforge::cli

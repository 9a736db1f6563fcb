// taskforge queue ls | get | create | update | rm | pause | resume | purge.
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/queue_view.h"
#include "cli/rpc_error.h"
#include "cli/table.h"
#include "cli/task_view.h"
#include "taskforge/v1/queue_service.grpc.pb.h"

namespace taskforge::cli {
namespace {

using Stub = v1::QueueService::Stub;

std::unique_ptr<Stub> NewStub(Session& session) {
  return v1::QueueService::NewStub(session.Channel());
}

struct QueueSettings {
  std::string name;
  std::optional<uint64_t> max_tasks;
  std::string max_bytes;
  std::string default_priority;
  std::string default_durability;
  std::string default_queue_timeout;
  std::string default_run_timeout;
  std::optional<int> default_max_attempts;
};

const CLI::Validator kByteCount(
    [](std::string& text) {
      return ParseByteCount(text).has_value()
                 ? std::string()
                 : absl::StrCat(text, " is no number of bytes: 65536, 64KiB, 256MiB, 1GiB");
    },
    "BYTES");

const CLI::Validator kTimeout(
    [](std::string& text) {
      return text == "none" || ParseDurationText(text).has_value()
                 ? std::string()
                 : absl::StrCat(text, " is no time: 250ms, 30s, 1h30m, or none");
    },
    "TIME");

void PrintQueue(const Session& session, const v1::Queue& queue) {
  const std::string text = session.options.output == OutputFormat::kTable
                               ? DescribeQueue(queue)
                               : ToJson(queue, session.options.output);
  std::fputs(text.c_str(), stdout);
}

int ListQueues(Session& session) {
  const auto stub = NewStub(session);
  v1::ListQueuesResponse all;
  v1::ListQueuesRequest request;
  do {
    Call call(session);
    v1::ListQueuesResponse page;
    const grpc::Status status = stub->ListQueues(call.context(), request, &page);
    if (!status.ok()) return ReportError(session, status, "queue ls");
    all.mutable_queues()->MergeFrom(page.queues());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (session.options.output == OutputFormat::kJson) {
    std::fputs(ToJson(all, OutputFormat::kJson).c_str(), stdout);
    return kExitOk;
  }
  Table table = QueueTable();
  for (const v1::Queue& queue : all.queues()) {
    if (session.options.output == OutputFormat::kJsonLines) {
      std::fputs(ToJson(queue, OutputFormat::kJsonLines).c_str(), stdout);
    }
    AddQueueRow(queue, table);
  }
  if (session.options.output == OutputFormat::kTable) {
    std::fputs(table.Render(session.colour()).c_str(), stdout);
  }
  return kExitOk;
}

int GetQueue(Session& session, const std::string& name) {
  Call call(session);
  v1::GetQueueRequest request;
  request.set_name(name);
  v1::Queue queue;
  const grpc::Status status = NewStub(session)->GetQueue(call.context(), request, &queue);
  if (!status.ok()) return ReportError(session, status, "queue get");
  PrintQueue(session, queue);
  return kExitOk;
}

// `none` leaves the field out, which takes a default away.
void AddTimeout(const std::string& text, const char* field, google::protobuf::FieldMask& mask,
                const std::function<google::protobuf::Duration*()>& mutable_timeout) {
  if (text.empty()) return;
  mask.add_paths(field);
  if (text != "none") SetDuration(*ParseDurationText(text), *mutable_timeout());
}

void AddTaskDefaults(const QueueSettings& settings, v1::Queue& queue,
                     google::protobuf::FieldMask& mask) {
  if (!settings.default_durability.empty()) {
    mask.add_paths("default_durability");
    v1::Durability durability = v1::DURABILITY_UNSPECIFIED;  // That `none` stays.
    v1::Durability_Parse(
        absl::StrCat("DURABILITY_", absl::AsciiStrToUpper(settings.default_durability)),
        &durability);
    queue.set_default_durability(durability);
  }
  AddTimeout(settings.default_queue_timeout, "default_queue_timeout", mask,
             [&queue] { return queue.mutable_default_queue_timeout(); });
  AddTimeout(settings.default_run_timeout, "default_run_timeout", mask,
             [&queue] { return queue.mutable_default_run_timeout(); });
  if (settings.default_max_attempts.has_value()) {
    mask.add_paths("default_retry_policy");
    queue.mutable_default_retry_policy()->set_max_attempts(*settings.default_max_attempts);
  }
}

// The settings that were given, and their names.
v1::UpdateQueueRequest RequestOf(const QueueSettings& settings) {
  v1::UpdateQueueRequest request;
  v1::Queue& queue = *request.mutable_queue();
  auto& mask = *request.mutable_update_mask();
  queue.set_name(settings.name);
  if (settings.max_tasks.has_value()) {
    queue.set_max_tasks(*settings.max_tasks);
    mask.add_paths("max_tasks");
  }
  if (!settings.max_bytes.empty()) {
    queue.set_max_bytes(*ParseByteCount(settings.max_bytes));
    mask.add_paths("max_bytes");
  }
  if (!settings.default_priority.empty()) {
    if (settings.default_priority != "none") {
      queue.set_default_priority(*ParsePriority(settings.default_priority));
    }
    mask.add_paths("default_priority");
  }
  AddTaskDefaults(settings, queue, mask);
  return request;
}

int CreateQueue(Session& session, const QueueSettings& settings) {
  v1::CreateQueueRequest request;
  *request.mutable_queue() = RequestOf(settings).queue();
  Call call(session);
  v1::Queue queue;
  const grpc::Status status = NewStub(session)->CreateQueue(call.context(), request, &queue);
  if (!status.ok()) return ReportError(session, status, "queue create");
  PrintQueue(session, queue);
  return kExitOk;
}

int UpdateQueue(Session& session, const QueueSettings& settings) {
  const v1::UpdateQueueRequest request = RequestOf(settings);
  if (request.update_mask().paths().empty()) {
    return ReportUsage(absl::InvalidArgumentError("nothing to change"), "queue update");
  }
  Call call(session);
  v1::Queue queue;
  const grpc::Status status = NewStub(session)->UpdateQueue(call.context(), request, &queue);
  if (!status.ok()) return ReportError(session, status, "queue update");
  PrintQueue(session, queue);
  return kExitOk;
}

int RemoveQueues(Session& session, const std::vector<std::string>& names) {
  const auto stub = NewStub(session);
  int code = kExitOk;
  for (const std::string& name : names) {
    Call call(session);
    v1::DeleteQueueRequest request;
    request.set_name(name);
    google::protobuf::Empty nothing;
    const grpc::Status status = stub->DeleteQueue(call.context(), request, &nothing);
    if (status.ok()) continue;
    const int failed = ReportError(session, status, "queue rm");
    if (code == kExitOk) code = failed;
  }
  return code;
}

struct Act {
  std::string name;
  std::string reason;
};

int PauseQueue(Session& session, const Act& act) {
  Call call(session);
  v1::PauseQueueRequest request;
  request.set_name(act.name);
  request.set_reason(act.reason);
  v1::Queue queue;
  const grpc::Status status = NewStub(session)->PauseQueue(call.context(), request, &queue);
  if (!status.ok()) return ReportError(session, status, "queue pause");
  PrintQueue(session, queue);
  return kExitOk;
}

int ResumeQueue(Session& session, const Act& act) {
  Call call(session);
  v1::ResumeQueueRequest request;
  request.set_name(act.name);
  request.set_reason(act.reason);
  v1::Queue queue;
  const grpc::Status status = NewStub(session)->ResumeQueue(call.context(), request, &queue);
  if (!status.ok()) return ReportError(session, status, "queue resume");
  PrintQueue(session, queue);
  return kExitOk;
}

int PurgeQueue(Session& session, const Act& act) {
  Call call(session);
  v1::PurgeQueueRequest request;
  request.set_name(act.name);
  request.set_reason(act.reason);
  v1::PurgeQueueResponse response;
  const grpc::Status status = NewStub(session)->PurgeQueue(call.context(), request, &response);
  if (!status.ok()) return ReportError(session, status, "queue purge");
  if (session.options.output == OutputFormat::kTable) {
    std::printf("cancelled %s waiting %s\n", FormatCount(response.purged_tasks()).c_str(),
                response.purged_tasks() == 1 ? "task" : "tasks");
  } else {
    std::fputs(ToJson(response, session.options.output).c_str(), stdout);
  }
  return kExitOk;
}

void AddSettings(CLI::App& group, const char* name, const char* help,
                 int (*function)(Session&, const QueueSettings&), Session& session,
                 Action& action) {
  CLI::App* command = group.add_subcommand(name, help);
  auto settings = std::make_shared<QueueSettings>();
  command->add_option("QUEUE", settings->name, "Its name: [a-z][a-z0-9_-]{0,62}")->required();
  command->add_option("--max-tasks", settings->max_tasks,
                      "Tasks that it may hold, running ones included");
  command->add_option("--max-bytes", settings->max_bytes, "Their bytes: 65536, 64KiB, 256MiB, 1GiB")
      ->check(kByteCount);
  command
      ->add_option("--default-priority", settings->default_priority,
                   "For its tasks that name none; none: the pool's")
      ->check(CLI::IsMember({"none", "low", "normal", "high", "critical"}));
  command
      ->add_option("--default-durability", settings->default_durability,
                   "How well its tasks are kept that do not say it; none: as the server says")
      ->check(CLI::IsMember({"none", "memory", "buffered", "durable"}));
  command
      ->add_option("--default-queue-timeout", settings->default_queue_timeout,
                   "For its tasks that set none: 30s, 5m; none: none")
      ->check(kTimeout);
  command
      ->add_option("--default-run-timeout", settings->default_run_timeout,
                   "For each attempt of its tasks that set none: 30s, 5m; none: the server's")
      ->check(kTimeout);
  command->add_option("--default-max-attempts", settings->default_max_attempts,
                      "How often its tasks are tried that do not say it");
  command->final_callback([&session, &action, settings, function] {
    action = [&session, settings, function] { return function(session, *settings); };
  });
}

void AddAct(CLI::App& group, const char* name, const char* help,
            int (*function)(Session&, const Act&), Session& session, Action& action) {
  CLI::App* command = group.add_subcommand(name, help);
  auto act = std::make_shared<Act>();
  command->add_option("QUEUE", act->name, "Its name")->required();
  command->add_option("--reason", act->reason, "Why: `queue get` and `queue ls` show it");
  command->final_callback([&session, &action, act, function] {
    action = [&session, act, function] { return function(session, *act); };
  });
}

}  // namespace

void AddQueueCommands(CLI::App& app, Session& session, Action& action) {
  CLI::App* group = app.add_subcommand("queue", "Show, make, change, pause and purge queues");
  group->require_subcommand(1);
  CLI::App* list = group->add_subcommand("ls", "All queues: limits, what they hold, state");
  SetShow(*list, session, action, [&session] { return ListQueues(session); });

  auto name = std::make_shared<std::string>();
  CLI::App* get = group->add_subcommand("get", "One queue, and what was done to it, when and why");
  get->add_option("QUEUE", *name, "Its name")->required();
  SetShow(*get, session, action, [&session, name] { return GetQueue(session, *name); });

  AddSettings(*group, "create", "Make a queue, with its limits and defaults", CreateQueue, session,
              action);
  AddSettings(*group, "update", "Change its limits and defaults, at once", UpdateQueue, session,
              action);

  CLI::App* remove = group->add_subcommand("rm", "Remove queues in which no task lives");
  auto names = std::make_shared<std::vector<std::string>>();
  remove->add_option("QUEUE", *names, "Their names")->required();
  remove->final_callback([&session, &action, names] {
    action = [&session, names] { return RemoveQueues(session, *names); };
  });

  AddAct(*group, "pause", "Start nothing more of it; it still accepts", PauseQueue, session,
         action);
  AddAct(*group, "resume", "Start its tasks again", ResumeQueue, session, action);
  AddAct(*group, "purge", "Cancel all its tasks that wait; what runs goes on", PurgeQueue, session,
         action);
}

}  // namespace taskforge::cli

// taskforge task ls | get | explain | watch | wait | cancel | retry | delete.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/explain_command.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/rpc_error.h"
#include "cli/task_bulk_commands.h"
#include "cli/task_filter.h"
#include "cli/task_options.h"
#include "cli/task_view.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::cli {
namespace {

using Stub = v1::TaskService::Stub;

constexpr int kPageSize = 1000;

struct ListOptions {
  TaskFilterOptions filter;
  int limit = 100;
};

int ListTasks(Session& session, Stub& stub, const ListOptions& options) {
  v1::ListTasksRequest request;
  request.set_parent(options.filter.Parent());
  request.set_filter(options.filter.Filter());
  Table table = TaskTable();
  v1::ListTasksResponse all;
  do {
    request.set_page_size(std::min(kPageSize, options.limit - all.tasks_size()));
    Call call(session);
    v1::ListTasksResponse page;
    const grpc::Status status = stub.ListTasks(call.context(), request, &page);
    if (!status.ok()) return ReportError(session, status, "task ls");
    for (v1::Task& task : *page.mutable_tasks()) {
      if (session.options.output == OutputFormat::kJsonLines) {
        std::fputs(ToJson(task, OutputFormat::kJsonLines).c_str(), stdout);
      }
      AddTaskRow(task, table);
      all.add_tasks()->Swap(&task);
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && all.tasks_size() < options.limit);
  if (session.options.output == OutputFormat::kJson) {
    std::fputs(ToJson(all, OutputFormat::kJson).c_str(), stdout);
  } else if (session.options.output == OutputFormat::kTable) {
    std::fputs(table.Render(session.colour()).c_str(), stdout);
    if (!request.page_token().empty()) {
      std::fprintf(stderr, "there are more: --limit %d\n", options.limit * 10);
    }
  }
  return kExitOk;
}

void PrintTask(const Session& session, const v1::Task& task) {
  const std::string text = session.options.output == OutputFormat::kTable
                               ? DescribeTask(task)
                               : ToJson(task, session.options.output);
  std::fputs(text.c_str(), stdout);
}

int GetTask(Session& session, Stub& stub, const std::string& name, bool only_output) {
  Call call(session);
  v1::GetTaskRequest request;
  request.set_name(name);
  v1::Task task;
  const grpc::Status status = stub.GetTask(call.context(), request, &task);
  if (!status.ok()) return ReportError(session, status, "task get");
  if (only_output) return PrintFinished(session, task);
  PrintTask(session, task);
  return kExitOk;
}

// Follows the task to its end; a stream that breaks is resumed where it was.
int WatchTask(Session& session, Stub& stub, const std::string& name) {
  v1::WatchTaskRequest request;
  request.set_name(name);
  v1::Task last;
  for (bool first = true;; first = false) {
    Call call(session, kNoDeadline);
    const auto stream = stub.WatchTask(call.context(), request);
    bool got_any = false;
    v1::WatchTaskResponse response;
    while (stream->Read(&response)) {
      got_any = true;
      request.set_cursor(response.cursor());
      last = response.task();
      if (session.options.output == OutputFormat::kTable) {
        std::printf("%s\n", DescribeState(last).c_str());
      } else {
        std::fputs(ToJson(last, OutputFormat::kJsonLines).c_str(), stdout);
      }
      std::fflush(stdout);
    }
    const grpc::Status status = stream->Finish();
    if (status.ok()) break;
    const bool may_resume = status.error_code() == grpc::StatusCode::UNAVAILABLE;
    if (!may_resume || (first && !got_any)) return ReportError(session, status, "task watch");
    if (!session.Sleep(absl::Seconds(1))) return kExitInterrupted;
  }
  return last.state() == v1::TASK_STATE_SUCCEEDED ? kExitOk : kExitFailed;
}

int WaitTask(Session& session, Stub& stub, const std::string& name, const std::string& timeout) {
  Call call(session, kNoDeadline);
  v1::WaitTaskRequest request;
  request.set_name(name);
  if (!timeout.empty()) SetDuration(*ParseDurationText(timeout), *request.mutable_timeout());
  v1::Task task;
  const grpc::Status status = stub.WaitTask(call.context(), request, &task);
  if (!status.ok()) return ReportError(session, status, "task wait");
  if (IsTerminal(task.state())) return PrintFinished(session, task);
  const std::string id = ShortName(task.name());
  std::fprintf(stderr, "error: DEADLINE_EXCEEDED: %s is %s still\ntry: %s task watch %s\n",
               id.c_str(), DescribeState(task).c_str(), SelfCommand(session.options).c_str(),
               id.c_str());
  return kExitDeadline;
}

// Calls `method` for each name; goes on after an error, and returns the first one's code.
int ForEach(Session& session, const std::vector<std::string>& names, absl::string_view command,
            const std::function<grpc::Status(grpc::ClientContext*, const std::string&)>& method) {
  int code = kExitOk;
  for (const std::string& name : names) {
    Call call(session);
    const grpc::Status status = method(call.context(), name);
    if (status.ok()) continue;
    const int failed = ReportError(session, status, command);
    if (code == kExitOk) code = failed;
  }
  return code;
}

int CancelTasks(Session& session, Stub& stub, const std::vector<std::string>& names) {
  return ForEach(
      session, names, "task cancel", [&](grpc::ClientContext* context, const std::string& name) {
        v1::CancelTaskRequest request;
        request.set_name(name);
        v1::Task task;
        const grpc::Status status = stub.CancelTask(context, request, &task);
        if (status.ok() && session.options.output == OutputFormat::kTable) {
          std::printf("%s %s\n", ShortName(task.name()).c_str(), DescribeState(task).c_str());
        } else if (status.ok()) {
          PrintTask(session, task);
        }
        return status;
      });
}

int RetryTasks(Session& session, Stub& stub, const std::vector<std::string>& names) {
  return ForEach(session, names, "task retry",
                 [&](grpc::ClientContext* context, const std::string& name) {
                   v1::RetryTaskRequest request;
                   request.set_name(name);
                   v1::Task task;
                   const grpc::Status status = stub.RetryTask(context, request, &task);
                   if (status.ok() && session.options.output == OutputFormat::kTable) {
                     std::printf("%s\n", ShortName(task.name()).c_str());
                   } else if (status.ok()) {
                     PrintTask(session, task);
                   }
                   return status;
                 });
}

int DeleteTasks(Session& session, Stub& stub, const std::vector<std::string>& names) {
  return ForEach(session, names, "task delete",
                 [&](grpc::ClientContext* context, const std::string& name) {
                   v1::DeleteTaskRequest request;
                   request.set_name(name);
                   google::protobuf::Empty nothing;
                   return stub.DeleteTask(context, request, &nothing);
                 });
}

void AddList(CLI::App& group, Session& session, Action& action) {
  CLI::App* command = group.add_subcommand("ls", "List tasks, newest first");
  auto options = std::make_shared<ListOptions>();
  options->filter.AddTo(*command, /*with_dead=*/true);
  command->add_option("--limit", options->limit, "At most so many")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  SetShow(*command, session, action, [&session, options] {
    return ListTasks(session, *v1::TaskService::NewStub(session.Channel()), *options);
  });
}

using NamesFunction = int (*)(Session&, Stub&, const std::vector<std::string>&);

void AddForNames(CLI::App& group, const char* name, const char* help, NamesFunction function,
                 Session& session, Action& action) {
  CLI::App* command = group.add_subcommand(name, help);
  auto names = std::make_shared<std::vector<std::string>>();
  command->add_option("TASK", *names, "Ids or names")->required();
  command->final_callback([&session, &action, names, function] {
    action = [&session, names, function] {
      return function(session, *v1::TaskService::NewStub(session.Channel()), *names);
    };
  });
}

// Those that are named, or those that options select.
using SelectedFunction = int (*)(Session&, Stub&, const BulkOptions&);

struct NamedOrSelected {
  std::vector<std::string> names;
  BulkOptions selected;
};

// Throws when the command line says neither, or both.
void CheckSelection(const NamedOrSelected& options, bool is_retry) {
  const BulkOptions& selected = options.selected;
  const bool selects = selected.all || !selected.filter.empty();
  if (!options.names.empty() && selects) {
    throw CLI::ValidationError("TASK", "name tasks, or select them by options: not both");
  }
  if (!options.names.empty() && selected.dry_run) {
    throw CLI::ValidationError("--dry-run", "is for tasks that options select");
  }
  if (!options.names.empty()) return;
  if (is_retry && selected.filter.state.empty() && !selected.filter.dead) {
    throw CLI::RequiredError("TASK, or --dead, or --state");
  }
  if (!selects) throw CLI::RequiredError("TASK, or --queue, --handler, --state or --all");
}

void AddNamedOrSelected(CLI::App& group, const char* name, const char* help, bool is_retry,
                        NamesFunction by_name, SelectedFunction by_filter, Session& session,
                        Action& action) {
  CLI::App* command = group.add_subcommand(name, help);
  auto options = std::make_shared<NamedOrSelected>();
  command->add_option("TASK", options->names, "Ids or names");
  options->selected.filter.AddTo(*command, /*with_dead=*/is_retry);
  if (is_retry) {
    command->add_option("--request-id", options->selected.request_id,
                        "Names this retry of those selected: repeated, it makes none twice");
  } else {
    command->add_flag("--all", options->selected.all, "All that have not ended, of all queues");
  }
  command->add_flag("--dry-run", options->selected.dry_run, "Only tell what would be done");
  command->final_callback([&session, &action, options, is_retry, by_name, by_filter] {
    CheckSelection(*options, is_retry);
    action = [&session, options, by_name, by_filter] {
      const auto stub = v1::TaskService::NewStub(session.Channel());
      return options->names.empty() ? by_filter(session, *stub, options->selected)
                                    : by_name(session, *stub, options->names);
    };
  });
}

void AddForOne(CLI::App& group, Session& session, Action& action) {
  auto name = std::make_shared<std::string>();
  auto timeout = std::make_shared<std::string>();
  auto only_output = std::make_shared<bool>(false);

  CLI::App* get = group.add_subcommand("get", "Show a task");
  get->add_option("TASK", *name, "Id or name")->required();
  get->add_flag("--output-only", *only_output, "Print its output and nothing else");
  SetShow(*get, session, action, [&session, name, only_output] {
    const auto stub = v1::TaskService::NewStub(session.Channel());
    return GetTask(session, *stub, *name, *only_output);
  });

  CLI::App* explain =
      group.add_subcommand("explain", "Say why a task waits, until when, and what may help");
  explain->add_option("TASK", *name, "Id or name")->required();
  SetShow(*explain, session, action, [&session, name] {
    return ExplainTask(session, *v1::TaskService::NewStub(session.Channel()), *name);
  });

  CLI::App* watch = group.add_subcommand("watch", "Show a task's changes until it ends");
  watch->add_option("TASK", *name, "Id or name")->required();
  watch->final_callback([&session, &action, name] {
    action = [&session, name] {
      return WatchTask(session, *v1::TaskService::NewStub(session.Channel()), *name);
    };
  });

  CLI::App* wait = group.add_subcommand("wait", "Wait for a task's end and print its output");
  wait->add_option("TASK", *name, "Id or name")->required();
  wait->add_option("--for", *timeout, "At most so long")->check(kDuration);
  wait->final_callback([&session, &action, name, timeout] {
    action = [&session, name, timeout] {
      return WaitTask(session, *v1::TaskService::NewStub(session.Channel()), *name, *timeout);
    };
  });
}

}  // namespace

void AddTaskCommands(CLI::App& app, Session& session, Action& action) {
  CLI::App* group =
      app.add_subcommand("task", "List, read, explain, wait for, cancel, retry, delete tasks");
  group->require_subcommand(1);
  AddList(*group, session, action);
  AddForOne(*group, session, action);
  AddNamedOrSelected(*group, "cancel", "Cancel tasks, by name or all that options select",
                     /*is_retry=*/false, CancelTasks, CancelSelected, session, action);
  AddNamedOrSelected(*group, "retry", "Submit tasks that ended once more, by name or by options",
                     /*is_retry=*/true, RetryTasks, RetrySelected, session, action);
  AddForNames(*group, "delete", "Forget tasks that ended", DeleteTasks, session, action);
}

}  // namespace taskforge::cli

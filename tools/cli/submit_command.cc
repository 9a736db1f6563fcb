// taskforge submit: one task, or a file of them.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "cli/rpc_error.h"
#include "cli/submit_file.h"
#include "cli/task_options.h"
#include "cli/task_view.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::cli {
namespace {

struct SubmitOptions {
  TaskOptions task;
  std::string file;
  bool want_results = false;
};

int SubmitOne(Session& session, const TaskOptions& options) {
  const absl::StatusOr<v1::SubmitTaskRequest> request = options.MakeRequest();
  if (!request.ok()) return ReportUsage(request.status(), "submit");
  auto stub = v1::TaskService::NewStub(session.Channel());
  Call call(session);
  v1::Task task;
  const grpc::Status status = stub->SubmitTask(call.context(), *request, &task);
  if (!status.ok()) return ReportError(session, status, "submit");
  if (session.options.output == OutputFormat::kTable) {
    std::printf("%s\n", ShortName(task.name()).c_str());
  } else {
    std::fputs(ToJson(task, session.options.output).c_str(), stdout);
  }
  return kExitOk;
}

int Submit(Session& session, const SubmitOptions& options) {
  if (options.file.empty() == options.task.handler.empty()) {
    return ReportUsage(absl::InvalidArgumentError("either HANDLER or -f FILE is needed"), "submit");
  }
  if (options.file.empty()) return SubmitOne(session, options.task);
  if (options.file == "-") return SubmitFile(session, std::cin, 0, options.want_results);
  std::ifstream file(options.file, std::ios::binary | std::ios::ate);
  if (!file)
    return ReportUsage(absl::NotFoundError("--file: cannot read " + options.file), "submit");
  const auto size = file.tellg();
  file.seekg(0);
  return SubmitFile(session, file, size < 0 ? 0 : static_cast<uint64_t>(size),
                    options.want_results);
}

}  // namespace

void AddSubmitCommand(CLI::App& app, Session& session, Action& action) {
  CLI::App* command = app.add_subcommand("submit", "Submit a task, or a file of tasks");
  auto options = std::make_shared<SubmitOptions>();
  options->task.AddTo(*command, false);
  command->add_option("-f,--file", options->file,
                      "JSON Lines: each line a task, or a SubmitTaskRequest; - for standard input");
  command->add_flag("--results", options->want_results,
                    "With -f: wait for the tasks, and print each as it ends, as JSON Lines");
  command->final_callback([&session, &action, options] {
    action = [&session, options] { return Submit(session, *options); };
  });
}

}  // namespace taskforge::cli

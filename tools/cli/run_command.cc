// taskforge run HANDLER [INPUT]: submits a task, waits, prints what it gave.
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/payload_argument.h"
#include "cli/rpc_error.h"
#include "cli/task_options.h"
#include "cli/task_view.h"
#include "taskforge/v1/task_service.grpc.pb.h"

namespace taskforge::cli {
namespace {

int Run(Session& session, const TaskOptions& options) {
  absl::StatusOr<v1::SubmitTaskRequest> submission = options.MakeRequest();
  if (!submission.ok()) return ReportUsage(submission.status(), "run");
  v1::RunTaskRequest request;
  request.set_parent(submission->parent());
  request.set_task_id(submission->task_id());
  request.set_request_id(submission->request_id());
  *request.mutable_task() = std::move(*submission->mutable_task());
  // Who leaves with Ctrl-C does not want the rest: `submit` is for what goes on.
  request.mutable_task()->set_cancel_on_disconnect(true);

  auto stub = v1::TaskService::NewStub(session.Channel());
  Call call(session, kNoDeadline);
  v1::Task task;
  const grpc::Status status = stub->RunTask(call.context(), request, &task);
  if (!status.ok()) return ReportError(session, status, "run");
  return PrintFinished(session, task);
}

}  // namespace

void AddRunCommand(CLI::App& app, Session& session, Action& action) {
  CLI::App* command = app.add_subcommand("run", "Run a task, wait, and print its output");
  auto options = std::make_shared<TaskOptions>();
  options->AddTo(*command, true);
  command->final_callback([&session, &action, options] {
    action = [&session, options] { return Run(session, *options); };
  });
}

}  // namespace taskforge::cli

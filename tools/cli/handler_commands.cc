// taskforge handler ls | get, worker ls.
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/rpc_error.h"
#include "cli/table.h"
#include "taskforge/v1/handler_service.grpc.pb.h"
#include "taskforge/v1/worker_service.grpc.pb.h"

namespace taskforge::cli {
namespace {

std::string LastPart(const std::string& name) { return name.substr(name.rfind('/') + 1); }

std::string Age(const google::protobuf::Timestamp& time) {
  return DurationText(absl::Now() - ToTime(time));
}

int ListHandlers(Session& session) {
  const auto stub = v1::HandlerService::NewStub(session.Channel());
  v1::ListHandlersResponse all;
  v1::ListHandlersRequest request;
  do {
    Call call(session);
    v1::ListHandlersResponse page;
    const grpc::Status status = stub->ListHandlers(call.context(), request, &page);
    if (!status.ok()) return ReportError(session, status, "handler ls");
    all.mutable_handlers()->MergeFrom(page.handlers());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (session.options.output == OutputFormat::kJson) {
    std::fputs(ToJson(all, OutputFormat::kJson).c_str(), stdout);
    return kExitOk;
  }
  Table table({"HANDLER", "KIND", ">WORKERS", ">RUNNING", "VERSION", "DESCRIPTION"});
  for (const v1::Handler& handler : all.handlers()) {
    if (session.options.output == OutputFormat::kJsonLines) {
      std::fputs(ToJson(handler, OutputFormat::kJsonLines).c_str(), stdout);
    }
    const bool is_remote = handler.kind() == v1::HANDLER_KIND_REMOTE;
    table.Add({LastPart(handler.name()),
               FormatEnum(v1::HandlerKind_Name(handler.kind()), "HANDLER_KIND_"),
               is_remote ? absl::StrCat(handler.workers()) : "", FormatCount(handler.running()),
               Printable(handler.version(), 32), Printable(handler.description(), 100)});
  }
  if (session.options.output == OutputFormat::kTable) {
    std::fputs(table.Render(session.colour()).c_str(), stdout);
  }
  return kExitOk;
}

int GetHandler(Session& session, const std::string& name) {
  const auto stub = v1::HandlerService::NewStub(session.Channel());
  Call call(session);
  v1::GetHandlerRequest request;
  request.set_name(name);
  v1::Handler handler;
  const grpc::Status status = stub->GetHandler(call.context(), request, &handler);
  if (!status.ok()) return ReportError(session, status, "handler get");
  if (session.options.output != OutputFormat::kTable) {
    std::fputs(ToJson(handler, session.options.output).c_str(), stdout);
    return kExitOk;
  }
  std::printf(
      "name         %s\nkind         %s\ndescription  %s\ninput        %s\nversion      %s\n",
      handler.name().c_str(),
      FormatEnum(v1::HandlerKind_Name(handler.kind()), "HANDLER_KIND_").c_str(),
      Printable(handler.description()).c_str(), Printable(handler.input_description()).c_str(),
      Printable(handler.version()).c_str());
  std::printf("running      %d\n", handler.running());
  if (handler.kind() == v1::HANDLER_KIND_REMOTE)
    std::printf("workers      %d\n", handler.workers());
  return kExitOk;
}

int ListWorkers(Session& session) {
  const auto stub = v1::WorkerService::NewStub(session.Channel());
  v1::ListWorkersResponse all;
  v1::ListWorkersRequest request;
  do {
    Call call(session);
    v1::ListWorkersResponse page;
    const grpc::Status status = stub->ListWorkers(call.context(), request, &page);
    if (!status.ok()) return ReportError(session, status, "worker ls");
    all.mutable_workers()->MergeFrom(page.workers());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (session.options.output == OutputFormat::kJson) {
    std::fputs(ToJson(all, OutputFormat::kJson).c_str(), stdout);
    return kExitOk;
  }
  Table table({"WORKER", "HANDLERS", ">IN FLIGHT", ">CREDIT", ">FINISHED", ">CONNECTED", ">HEARD",
               "PEER", "STATE"});
  for (const v1::Worker& worker : all.workers()) {
    if (session.options.output == OutputFormat::kJsonLines) {
      std::fputs(ToJson(worker, OutputFormat::kJsonLines).c_str(), stdout);
    }
    table.Add({LastPart(worker.name()), absl::StrJoin(worker.handlers(), ","),
               FormatCount(worker.in_flight()), FormatCount(worker.credit()),
               FormatCount(worker.finished()), Age(worker.connect_time()),
               Age(worker.heartbeat_time()), worker.peer(),
               worker.draining() ? "draining" : "ready"});
  }
  if (session.options.output == OutputFormat::kTable) {
    std::fputs(table.Render(session.colour()).c_str(), stdout);
  }
  return kExitOk;
}

}  // namespace

void AddHandlerCommands(CLI::App& app, Session& session, Action& action) {
  CLI::App* handlers = app.add_subcommand("handler", "Show what can be run");
  handlers->require_subcommand(1);
  SetShow(*handlers->add_subcommand("ls", "List handlers"), session, action,
          [&session] { return ListHandlers(session); });
  CLI::App* get = handlers->add_subcommand("get", "Show a handler");
  auto name = std::make_shared<std::string>();
  get->add_option("HANDLER", *name, "Its name")->required();
  SetShow(*get, session, action, [&session, name] { return GetHandler(session, *name); });

  CLI::App* workers = app.add_subcommand("worker", "Show connected workers");
  workers->require_subcommand(1);
  SetShow(*workers->add_subcommand("ls", "List workers"), session, action,
          [&session] { return ListWorkers(session); });
}

}  // namespace taskforge::cli

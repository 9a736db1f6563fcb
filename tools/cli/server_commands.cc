// taskforge server info | drain, version.
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
#include "cli/task_options.h"
#include "taskforge/v1/server_service.grpc.pb.h"

namespace taskforge::cli {
namespace {

std::string DescribeServer(const v1::ServerInfo& info) {
  const v1::ServerLimits& limits = info.limits();
  std::string text = absl::StrCat(
      "version      ", info.version(), " (", info.revision(), "), gRPC ", info.grpc_version(), "\n",
      "up           ", DurationText(absl::Now() - ToTime(info.start_time())), ", boot epoch ",
      info.boot_epoch(), info.draining() ? ", draining" : "", "\n");
  absl::StrAppend(&text, "durability   ",
                  FormatEnum(v1::Durability_Name(info.durability()), "DURABILITY_"), "\n");
  absl::StrAppend(&text, "not durable  ", Printable(info.not_durable()), "\n");
  absl::StrAppend(&text, "limits       payload ", FormatBytes(limits.max_payload_bytes()),
                  ", output ", FormatBytes(limits.max_output_bytes()), ", queue ",
                  FormatCount(limits.max_queue_tasks()), " tasks and ",
                  FormatBytes(limits.max_queue_bytes()), ", results ",
                  FormatBytes(limits.max_result_bytes()), "\n");
  absl::StrAppend(&text, "             batch ", FormatCount(limits.max_batch_items()),
                  " items, message ", FormatBytes(limits.max_message_bytes()), "\n");
  absl::StrAppend(&text, "kept         succeeded ",
                  DurationText(ToDuration(limits.succeeded_ttl())), ", failed ",
                  DurationText(ToDuration(limits.failed_ttl())), "\n");
  if (!info.capabilities().empty()) {
    absl::StrAppend(&text, "can          ", absl::StrJoin(info.capabilities(), ", "), "\n");
  }
  return text;
}

int ShowServer(Session& session) {
  const auto stub = v1::ServerService::NewStub(session.Channel());
  Call call(session);
  v1::ServerInfo info;
  const grpc::Status status =
      stub->GetServerInfo(call.context(), v1::GetServerInfoRequest(), &info);
  if (!status.ok()) return ReportError(session, status, "server info");
  const std::string text = session.options.output == OutputFormat::kTable
                               ? DescribeServer(info)
                               : ToJson(info, session.options.output);
  std::fputs(text.c_str(), stdout);
  return kExitOk;
}

int Drain(Session& session, const std::string& timeout) {
  const auto stub = v1::ServerService::NewStub(session.Channel());
  Call call(session);
  v1::DrainRequest request;
  if (!timeout.empty()) SetDuration(*ParseDurationText(timeout), *request.mutable_timeout());
  v1::DrainResponse response;
  const grpc::Status status = stub->Drain(call.context(), request, &response);
  if (!status.ok()) return ReportError(session, status, "server drain");
  if (session.options.output == OutputFormat::kTable) {
    std::printf("draining: %s tasks unfinished\n",
                FormatCount(response.unfinished_tasks()).c_str());
  } else {
    std::fputs(ToJson(response, session.options.output).c_str(), stdout);
  }
  return kExitOk;
}

}  // namespace

void AddServerCommands(CLI::App& app, Session& session, Action& action) {
  CLI::App* group = app.add_subcommand("server", "Show the server, or stop it");
  group->require_subcommand(1);
  SetShow(*group->add_subcommand("info", "Version, limits, and what it does not promise"), session,
          action, [&session] { return ShowServer(session); });
  CLI::App* drain = group->add_subcommand("drain", "Finish what it has, take no more, and stop");
  auto timeout = std::make_shared<std::string>();
  drain->add_option("--timeout", *timeout, "How long running work may take")->check(kDuration);
  drain->final_callback([&session, &action, timeout] {
    action = [&session, timeout] { return Drain(session, *timeout); };
  });
  app.add_subcommand("version", "Print the version of this command")->final_callback([&action] {
    action = [] {
      std::printf("taskforge %s, gRPC %s, protobuf %d\n", TASKFORGE_VERSION,
                  grpc::Version().c_str(), GOOGLE_PROTOBUF_VERSION);
      return kExitOk;
    };
  });
}

}  // namespace taskforge::cli

// taskforge server info | guarantees | drain, store backup, version.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

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

std::string DescribeGuarantees(const v1::Guarantees& held) {
  const auto name = [](v1::Durability durability) {
    return FormatEnum(v1::Durability_Name(durability), "DURABILITY_");
  };
  std::string text = absl::StrCat("durability   ", name(held.durability()), "; the best is ",
                                  name(held.best_durability()), "\nnot durable  ",
                                  Printable(held.not_durable()), "\n");
  if (held.has_syncs()) {
    const v1::SyncMeasurement& syncs = held.syncs();
    absl::StrAppend(&text, "synced       in ", DurationText(ToDuration(syncs.median())),
                    ", 99 of 100 in ", DurationText(ToDuration(syncs.p99())), " (of ",
                    FormatCount(syncs.count()), "), on ", Printable(held.file_system()), "\n");
    absl::StrAppend(&text, "buffered     reaches the disk within ",
                    DurationText(ToDuration(held.buffered_interval())), "\n");
  }
  absl::StrAppend(&text, "runs         at least once; an end is recorded once; after ",
                  held.max_lost_attempts(), " lost attempts a task fails\n");
  absl::StrAppend(&text, "kept         succeeded ", DurationText(ToDuration(held.succeeded_ttl())),
                  ", others ", DurationText(ToDuration(held.failed_ttl())), ", request_ids ",
                  DurationText(ToDuration(held.request_id_ttl())), " after the end\n");
  std::vector<std::string> bounds;
  for (const v1::WaitingBound& bound : held.waiting_bounds()) {
    bounds.push_back(
        absl::StrCat(FormatPriority(bound.priority()), " ", FormatCount(bound.dispatches())));
  }
  absl::StrAppend(&text, "starts       after so many dispatches: ", absl::StrJoin(bounds, ", "),
                  "\n");
  for (const std::string& caveat : held.caveats()) {
    absl::StrAppend(&text, "caveat       ", Printable(caveat), "\n");
  }
  return text;
}

int ShowGuarantees(Session& session) {
  const auto stub = v1::ServerService::NewStub(session.Channel());
  Call call(session);
  v1::Guarantees held;
  const grpc::Status status =
      stub->GetGuarantees(call.context(), v1::GetGuaranteesRequest(), &held);
  if (!status.ok()) return ReportError(session, status, "server guarantees");
  const std::string text = session.options.output == OutputFormat::kTable
                               ? DescribeGuarantees(held)
                               : ToJson(held, session.options.output);
  std::fputs(text.c_str(), stdout);
  return kExitOk;
}

int BackupStore(Session& session, const std::string& name) {
  const auto stub = v1::ServerService::NewStub(session.Channel());
  Call call(session, kNoDeadline);  // As long as the store is large.
  v1::BackupStoreRequest request;
  request.set_name(name);
  v1::BackupStoreResponse response;
  const grpc::Status status = stub->BackupStore(call.context(), request, &response);
  if (!status.ok()) return ReportError(session, status, "store backup");
  if (session.options.output == OutputFormat::kTable) {
    std::printf("%s: %s, in %s\n", Printable(response.path()).c_str(),
                FormatBytes(response.bytes()).c_str(),
                DurationText(ToDuration(response.took())).c_str());
  } else {
    std::fputs(ToJson(response, session.options.output).c_str(), stdout);
  }
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
  SetShow(*group->add_subcommand("guarantees", "What holds of accepted tasks now, as measured"),
          session, action, [&session] { return ShowGuarantees(session); });
  CLI::App* drain = group->add_subcommand("drain", "Finish what it has, take no more, and stop");
  auto timeout = std::make_shared<std::string>();
  drain->add_option("--timeout", *timeout, "How long running work may take")->check(kDuration);
  drain->final_callback([&session, &action, timeout] {
    action = [&session, timeout] { return Drain(session, *timeout); };
  });
  CLI::App* store = app.add_subcommand("store", "Back the server's store up");
  store->require_subcommand(1);
  CLI::App* backup = store->add_subcommand(
      "backup", "Copy it to a new directory in the server's store.backup_dir, while it goes on");
  auto name = std::make_shared<std::string>();
  backup->add_option("NAME", *name, "Of the directory")->required();
  backup->final_callback([&session, &action, name] {
    action = [&session, name] { return BackupStore(session, *name); };
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

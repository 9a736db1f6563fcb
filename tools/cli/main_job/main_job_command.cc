// taskforge main-job DIR: what tools/run shows. Hidden from the short help.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>

#include "absl/time/clock.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/main_job/files.h"
#include "cli/main_job/job.h"
#include "cli/main_job/pool_watch.h"
#include "cli/main_job/report.h"
#include "cli/rpc_error.h"
#include "cli/task_view.h"
#include "taskforge/v1/server_service.grpc.pb.h"

namespace taskforge::cli {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 20;

struct MainJobOptions {
  std::string directory;
  std::string json_file;
};

// Also the first word with the server: an unreachable one is told here.
grpc::Status ReadLimit(Session& session, uint64_t& max_bytes) {
  auto stub = v1::ServerService::NewStub(session.Channel());
  Call call(session);
  v1::ServerInfo info;
  const grpc::Status status =
      stub->GetServerInfo(call.context(), v1::GetServerInfoRequest(), &info);
  if (status.ok() && info.limits().max_payload_bytes() > 0) {
    max_bytes = std::min(max_bytes, info.limits().max_payload_bytes());
  }
  return status;
}

int WriteReports(const Session& session, const MainJobOptions& options, const JobReport& report) {
  std::fputs(RenderReport(report, session.colour()).c_str(), stdout);
  if (!options.json_file.empty()) {
    std::ofstream file(options.json_file);
    file << RenderReportJson(report);
    if (!file.flush())
      return ReportUsage(absl::UnknownError("--json: cannot write " + options.json_file),
                         "main-job");
  }
  return report.is_success() ? kExitOk : kExitFailed;
}

int RunMainJob(Session& session, const MainJobOptions& options) {
  uint64_t max_bytes = kMaxFileBytes;
  grpc::Status status = ReadLimit(session, max_bytes);
  if (!status.ok()) return ReportError(session, status, "main-job");
  const absl::StatusOr<FileList> files = ListFiles(options.directory, max_bytes);
  if (!files.ok()) return ReportUsage(files.status(), "main-job");

  JobReport report;
  report.directory = options.directory;
  report.files = files->paths.size();
  report.too_large = files->too_large;
  report.unreadable = files->unreadable;
  report.no_input = files->no_input;
  report.start = absl::Now();
  PoolWatch pool(session);
  MainJob job(session, *files, max_bytes);
  status = job.Run();
  report.duration = absl::Now() - report.start;
  report.pool = pool.Stop();
  if (!status.ok()) return ReportError(session, status, "main-job");
  report.groups = job.ledger().Groups();
  report.failures = job.ledger().Failures();
  report.over_bus = job.trail().over_bus;
  report.read_later = job.trail().read_later;
  report.missed = job.trail().missed;
  return WriteReports(session, options, report);
}

}  // namespace

void AddMainJobCommand(CLI::App& app, Session& session, Action& action) {
  CLI::App* command = app.add_subcommand(
      "main-job", "Run sha256, wordcount and compress on every file below a directory");
  command->group("");
  auto options = std::make_shared<MainJobOptions>();
  command->add_option("DIR", options->directory, "The directory")->required();
  command->add_option("--json", options->json_file, "Write the report to this file as JSON");
  command->final_callback([&session, &action, options] {
    action = [&session, options] { return RunMainJob(session, *options); };
  });
}

}  // namespace taskforge::cli

// taskforge demo crash.
#include <stdlib.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/demo/crash_demo.h"
#include "cli/exit_code.h"

namespace taskforge::cli {
namespace {

// More than a queue holds by default would only wait.
constexpr uint64_t kDefaultQueue = 100'000;
constexpr uint64_t kMostTasks = 1'000'000;

struct DemoOptions {
  uint64_t tasks = 10'000;
  std::string taskforged;
  bool keep = false;
};

int Fail(const std::string& message) {
  std::fprintf(stderr, "error: %s\ntry: taskforge demo crash --help\n", message.c_str());
  return kExitFailed;
}

std::string ReportJson(const CrashDemoReport& report) {
  JsonWriter json;
  json.BeginObject().Key("accepted").Uint(report.accepted);
  json.Key("finished").Uint(report.finished).Key("lost").Uint(report.lost());
  json.Key("accepted_at_kill").Uint(report.at_kill);
  json.Key("unheard").Uint(report.unheard).Key("unexpected").Uint(report.unexpected);
  json.Key("recovery_seconds").Double(absl::ToDoubleSeconds(report.recovery)).EndObject();
  return json.text() + "\n";
}

std::string ReportText(const CrashDemoReport& report) {
  std::string text;
  if (!report.first_wrong.empty()) absl::StrAppend(&text, "wrong      ", report.first_wrong, "\n");
  if (report.unexpected > 0) {
    absl::StrAppend(&text, "unexpected ", report.unexpected, " tasks\n");
  }
  return absl::StrCat(text, "accepted ", report.accepted, ", finished ", report.finished, ", lost ",
                      report.lost(), "\n");
}

absl::StatusOr<std::string> MakeDirectory() {
  const char* base = std::getenv("TMPDIR");
  std::string path =
      absl::StrCat(base == nullptr || *base == '\0' ? "/tmp" : base, "/taskforge-demo.XXXXXX");
  if (::mkdtemp(path.data()) == nullptr) return absl::ErrnoToStatus(errno, path);
  return path;
}

int RunDemo(Session& session, const DemoOptions& options) {
  const char* path = std::getenv("PATH");
  const absl::StatusOr<std::string> binary =
      FindServerBinary(options.taskforged, path == nullptr ? "" : path);
  if (!binary.ok()) return Fail(absl::StrCat("NOT_FOUND: ", binary.status().message()));
  const absl::StatusOr<std::string> directory = MakeDirectory();
  if (!directory.ok()) return Fail(directory.status().ToString());

  const bool is_table = session.options.output == OutputFormat::kTable;
  absl::Status status;
  CrashDemoReport report;
  {
    CrashDemo::Options demo_options;
    demo_options.tasks = options.tasks;
    demo_options.setup = {*binary, *directory, {}};
    if (options.tasks > kDefaultQueue) {
      demo_options.setup.flags = {"--queues-default-max-tasks", absl::StrCat(options.tasks)};
    }
    CrashDemo demo(session, std::move(demo_options), [is_table](const std::string& line) {
      if (!is_table) return;
      std::puts(line.c_str());
      std::fflush(stdout);
    });
    status = demo.Run();
    report = demo.report();
  }  // No server of it lives any more.
  const bool is_success = status.ok() && report.is_success(options.tasks);
  // What an interrupt left undone says nothing.
  const bool is_kept = options.keep || !(is_success || session.interrupted());
  if (is_kept) {
    std::fprintf(stderr, "kept: %s (data and server.log)\n", directory->c_str());
  } else {
    std::error_code error;
    std::filesystem::remove_all(*directory, error);
    if (error)
      std::fprintf(stderr, "cannot remove %s: %s\n", directory->c_str(), error.message().c_str());
  }
  if (!status.ok()) return Fail(status.ToString());
  std::fputs((is_table ? ReportText(report) : ReportJson(report)).c_str(), stdout);
  return is_success ? kExitOk : kExitFailed;
}

}  // namespace

void AddDemoCommand(CLI::App& app, Session& session, Action& action) {
  CLI::App* group =
      app.add_subcommand("demo", "Show what TaskForge promises, on a server of its own");
  group->require_subcommand(1);
  CLI::App* crash = group->add_subcommand(
      "crash", "Kill a server while it takes tasks, start it again, and look for each of them");
  auto options = std::make_shared<DemoOptions>();
  crash->add_option("--tasks", options->tasks, "How many")
      ->check(CLI::Range(uint64_t{2}, kMostTasks))
      ->capture_default_str();
  crash->add_option("--taskforged", options->taskforged,
                    "The server's binary; without it, the one beside this command or in PATH");
  crash->add_flag("--keep", options->keep, "Keep the temporary directory");
  crash->final_callback([&session, &action, options] {
    action = [&session, options] { return RunDemo(session, *options); };
  });
}

}  // namespace taskforge::cli

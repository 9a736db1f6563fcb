#include "cli/commands.h"

#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cli/exit_code.h"
#include "cli/format.h"
#include "cli/task_options.h"

namespace taskforge::cli {
namespace {

constexpr absl::Duration kWatchInterval = absl::Seconds(1);

const std::map<std::string, OutputFormat> kFormats = {
    {"table", OutputFormat::kTable},
    {"json", OutputFormat::kJson},
    {"jsonl", OutputFormat::kJsonLines},
};

void AddGlobalOptions(CLI::App& app, Session& session) {
  GlobalOptions& options = session.options;
  app.add_option("--server", options.server, "HOST:PORT or unix:PATH")
      ->envname("TASKFORGE_SERVER")
      ->capture_default_str();
  app.add_option("--tls-ca", options.tls_ca, "Use TLS and trust the certificates of this PEM file")
      ->envname("TASKFORGE_TLS_CA");
  app.add_option("--tls-cert", options.tls_cert, "Show this certificate (PEM); with --tls-key")
      ->envname("TASKFORGE_TLS_CERT")
      ->needs("--tls-ca");
  app.add_option("--tls-key", options.tls_key, "The key (PEM) of --tls-cert")
      ->envname("TASKFORGE_TLS_KEY")
      ->needs("--tls-cert");
  app.get_option("--tls-cert")->needs("--tls-key");
  app.add_option("--token-file", options.token_file,
                 "Send the token in this file; without it, the one in TASKFORGE_TOKEN")
      ->envname("TASKFORGE_TOKEN_FILE");
  app.add_option_function<std::string>(
         "--deadline",
         [&options](const std::string& text) { options.deadline = ParseDurationText(text); },
         "How long a call may take (default 30s; none for run and what watches)")
      ->check(kDuration);
  app.add_option_function<std::string>(
         "-o,--output", [&options](const std::string& text) { options.output = kFormats.at(text); },
         "table, json or jsonl")
      ->check(CLI::IsMember({"table", "json", "jsonl"}));
}

// Runs `show` once, or with --watch again every second until it fails or an interrupt comes.
int ShowOrWatch(Session& session, const std::function<int()>& show) {
  if (!session.options.watch) return show();
  const bool redraw =
      session.stdout_is_terminal() && session.options.output == OutputFormat::kTable;
  do {
    if (redraw) std::fputs("\x1b[H\x1b[2J", stdout);
    const int code = show();
    if (code != kExitOk) return code;
    std::fflush(stdout);
  } while (session.Sleep(kWatchInterval));
  return kExitInterrupted;
}

}  // namespace

void SetShow(CLI::App& command, Session& session, Action& action, std::function<int()> show) {
  command.add_flag("--watch", session.options.watch, "Show it again every second");
  command.final_callback([&session, &action, show = std::move(show)] {
    action = [&session, show] { return ShowOrWatch(session, show); };
  });
}

std::string RenderParseError(const CLI::App& app, const CLI::ParseError& error) {
  std::string command = "taskforge";
  const CLI::App* innermost = &app;
  while (!innermost->get_subcommands().empty()) {
    innermost = innermost->get_subcommands().front();
    absl::StrAppend(&command, " ", innermost->get_name());
  }
  std::string what = error.what();
  // CLI11 asks for a command before it looks at what stands in its place.
  const std::vector<std::string> rest = app.remaining(/*recurse=*/true);
  if (error.get_name() == "RequiredError" && !rest.empty() &&
      !innermost->get_subcommands([](const CLI::App*) { return true; }).empty()) {
    what = absl::StrCat("there is no command `", rest.front(), "`");
  }
  return absl::StrCat("error: INVALID_ARGUMENT: ", Printable(what, 1024), "\ntry: ", command,
                      " --help\n");
}

void AddCommands(CLI::App& app, Session& session, Action& action) {
  // Global options are taken after the command too.
  app.fallthrough();
  app.require_subcommand(1);
  AddGlobalOptions(app, session);
  AddRunCommand(app, session, action);
  AddSubmitCommand(app, session, action);
  AddTaskCommands(app, session, action);
  AddBusCommands(app, session, action);
  AddBusListCommands(app, session, action);
  AddPoolCommands(app, session, action);
  AddQueueCommands(app, session, action);
  AddScheduleCommands(app, session, action);
  AddHandlerCommands(app, session, action);
  AddTopCommand(app, session, action);
  AddServerCommands(app, session, action);
  AddProtosCommand(app, action);
  AddCompletionCommand(app, action);
  AddMainJobCommand(app, session, action);
  AddDemoCommand(app, session, action);
}

}  // namespace taskforge::cli

// taskforge: the command line of TaskForge.
#include <grpc/support/log.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/session.h"

namespace {

using taskforge::cli::Session;

sigset_t InterruptSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

// The first signal ends the calls that are open, so that the server hears of it; the second the
// process.
void WaitForInterrupts(Session& session) {
  const sigset_t signals = InterruptSignals();
  int signal = 0;
  sigwait(&signals, &signal);
  session.Interrupt();
  sigwait(&signals, &signal);
  _exit(taskforge::cli::kExitInterrupted);
}

int ReportParseError(const CLI::App& app, const CLI::ParseError& error) {
  std::fputs(taskforge::cli::RenderParseError(app, error).c_str(), stderr);
  return taskforge::cli::kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  // Blocked before any thread starts, so that only the thread below gets them.
  const sigset_t signals = InterruptSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A reader such as `head` that has gone away is an error of write(), not a death.
  ::signal(SIGPIPE, SIG_IGN);

  // What gRPC writes of its own is for those who look into gRPC: the status says it to people.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) {
    gpr_set_log_function([](gpr_log_func_args*) {});
  }

  // Never destroyed: the thread that waits for signals uses it until the process ends.
  static Session& session = *new Session();
  CLI::App app("Submits tasks to a TaskForge server, runs them, and listens to its bus.",
               "taskforge");
  app.set_version_flag("--version", "taskforge " TASKFORGE_VERSION);
  taskforge::cli::Action action;
  taskforge::cli::AddCommands(app, session, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help and --version.
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return ReportParseError(app, error);
  }
  std::thread(WaitForInterrupts, std::ref(session)).detach();
  int code = taskforge::cli::kExitFailed;
  try {
    code = action();
  } catch (const CLI::ParseError& error) {
    code = ReportParseError(app, error);
  }
  if (std::fflush(stdout) != 0 && code == taskforge::cli::kExitOk) {
    code = taskforge::cli::kExitFailed;
  }
  return session.interrupted() ? taskforge::cli::kExitInterrupted : code;
}

// What the command's exit code says to scripts.
#ifndef TASKFORGE_CLI_EXIT_CODE_H_
#define TASKFORGE_CLI_EXIT_CODE_H_

#include <grpcpp/support/status.h>

namespace taskforge::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,       // A task failed, or the server refused for a reason not listed below.
  kExitUsage = 2,        // The command line, or a field of the request, is wrong.
  kExitUnreachable = 3,  // No server there, or it is stopping.
  kExitDenied = 4,       // Not allowed, or not known.
  kExitDeadline = 5,     // --deadline, or the server's own, has passed.
  kExitInterrupted = 130,
};

// The exit code of a call that ended with `code`.
ExitCode ExitCodeOf(grpc::StatusCode code);

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_EXIT_CODE_H_

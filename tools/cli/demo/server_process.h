// A server of one's own: started on free ports of loopback, killed, and started again.
#ifndef TASKFORGE_CLI_DEMO_SERVER_PROCESS_H_
#define TASKFORGE_CLI_DEMO_SERVER_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace taskforge::cli {

// The server's binary: `named`, if it is not empty; else `taskforged` beside this program, else the
// first one in `path` (directories with colons between them, as PATH). NOT_FOUND says where it was
// looked for.
absl::StatusOr<std::string> FindServerBinary(const std::string& named, absl::string_view path);

// One life of a server. The destructor kills it, if it still lives, and so does this program's own
// end. Thread-compatible, but for Kill(), which any thread may call while none waits for the exit.
class ServerProcess {
 public:
  struct Setup {
    std::string binary;
    std::string directory;           // Has the ready file, `data` and `server.log`, which grows.
    std::vector<std::string> flags;  // Of `serve`, besides addresses and data directory.
  };

  // Returns when it serves. It gets this program's environment without what would configure it
  // (TASKFORGE_…). UNAVAILABLE: it ended before that; DEADLINE_EXCEEDED: it takes longer than
  // `patience`; both with the end of its log.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const Setup& setup,
                                                              absl::Duration patience);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // As clients dial it.
  const std::string& address() const { return address_; }
  // SIGKILL, at once: nothing in the process can prepare for it.
  void Kill();
  // SIGTERM, or nothing where it has been killed; then waits for its end. The exit code, or 128 and
  // the signal that ended it. DEADLINE_EXCEEDED: it still lives.
  absl::StatusOr<int> Stop(absl::Duration patience);

 private:
  ServerProcess(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}
  // Whether it has ended by then; reaps it.
  bool AwaitExit(absl::Duration patience);

  const pid_t pid_;
  const int pidfd_;
  bool is_reaped_ = false;
  int exit_code_ = -1;
  std::string address_;
};

}  // namespace taskforge::cli

#endif  // TASKFORGE_CLI_DEMO_SERVER_PROCESS_H_

// A taskforged that is started on a directory again and again, and killed.
#ifndef TASKFORGE_CRASH_SERVER_H_
#define TASKFORGE_CRASH_SERVER_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace taskforge::crash {

// One life of it. Killed and reaped by the destructor. Thread-compatible, but for Signal(), which
// any thread may call while none waits for the exit.
class Server {
 public:
  // What it is started with: the binary, its flags beyond the addresses and the ready file, and a
  // directory of ours for that file and the log, to which each life appends.
  struct Setup {
    std::string binary;
    std::vector<std::string> flags;
    std::string directory;
    std::vector<std::string> environment;  // `NAME=value`: besides ours.
  };

  // Returns when it serves. UNAVAILABLE when it ends before, DEADLINE_EXCEEDED when it takes longer
  // than `patience`; both with the end of its log.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Setup& setup, absl::Duration patience);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  const std::string& grpc_address() const { return grpc_address_; }
  void Signal(int signal);
  // Waits for its end. DEADLINE_EXCEEDED: it goes on.
  absl::Status AwaitExit(absl::Duration patience);
  // After its end: the exit code, or 128 and the signal.
  int exit_code() const { return exit_code_; }

 private:
  Server(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}

  pid_t pid_;
  const int pidfd_;
  bool is_reaped_ = false;
  int exit_code_ = -1;
  std::string grpc_address_;
};

// Its log, which all lives on one directory share: the last `bytes`.
std::string EndOfLog(const Server::Setup& setup, size_t bytes = 2'000);

}  // namespace taskforge::crash

#endif  // TASKFORGE_CRASH_SERVER_H_

#include "crash/server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace taskforge::crash {
namespace {

// How often the ready file is looked for: less than what a start takes.
constexpr absl::Duration kLook = absl::Milliseconds(2);

std::string LogPath(const Server::Setup& setup) { return setup.directory + "/server.log"; }

std::string ReadAll(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

[[noreturn]] void BecomeServer(const Server::Setup& setup, const std::string& ready, int log) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  std::vector<std::string> command = {setup.binary,   "serve", "--grpc-listen",  "127.0.0.1:0",
                                      "--ready-file", ready,   "--admin-listen", "127.0.0.1:0"};
  command.insert(command.end(), setup.flags.begin(), setup.flags.end());
  for (const std::string& setting : setup.environment) putenv(const_cast<char*>(setting.c_str()));
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  std::perror(argv[0]);
  _exit(127);
}

// glibc's own is declared without C linkage in Debian 12.
int OpenPidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

// The address in the ready file; empty: it is not there yet, and when it is, it is whole.
std::string AddressIn(const std::string& ready) {
  const std::string json = ReadAll(ready);
  const std::string key = "\"grpc\":\"";
  const size_t start = json.find(key);
  if (start == std::string::npos) return "";
  const size_t end = json.find('"', start + key.size());
  return json.substr(start + key.size(), end - start - key.size());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Setup& setup, absl::Duration patience) {
  const std::string ready = setup.directory + "/ready.json";
  std::remove(ready.c_str());
  const int log = open(LogPath(setup).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return absl::ErrnoToStatus(errno, LogPath(setup));
  const pid_t pid = fork();
  if (pid == 0) BecomeServer(setup, ready, log);
  const int error = errno;
  close(log);
  if (pid < 0) return absl::ErrnoToStatus(error, "fork");
  std::unique_ptr<Server> server(new Server(pid, OpenPidfd(pid)));
  if (server->pidfd_ < 0) return absl::ErrnoToStatus(errno, "pidfd_open");
  const absl::Time give_up = absl::Now() + patience;
  while ((server->grpc_address_ = AddressIn(ready)).empty()) {
    if (server->AwaitExit(kLook).ok()) {
      return absl::UnavailableError(absl::StrCat("the server ended as it started, exit code ",
                                                 server->exit_code(), "\n", EndOfLog(setup)));
    }
    if (absl::Now() > give_up) {
      return absl::DeadlineExceededError(absl::StrCat(
          "the server is not ready after ", absl::FormatDuration(patience), "\n", EndOfLog(setup)));
    }
  }
  return server;
}

Server::~Server() {
  if (!is_reaped_) {
    Signal(SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (pidfd_ >= 0) close(pidfd_);
}

void Server::Signal(int signal) { kill(pid_, signal); }

absl::Status Server::AwaitExit(absl::Duration patience) {
  if (is_reaped_) return absl::OkStatus();
  pollfd ended{pidfd_, POLLIN, 0};
  const absl::Time give_up = absl::Now() + patience;
  int ready = 0;
  do {
    const int64_t left_ms =
        absl::ToInt64Milliseconds(absl::Ceil(give_up - absl::Now(), absl::Milliseconds(1)));
    ready = poll(&ended, 1, static_cast<int>(left_ms < 0 ? 0 : left_ms));
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return absl::ErrnoToStatus(errno, "poll");
  if (ready == 0) return absl::DeadlineExceededError("the server goes on");
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) return absl::ErrnoToStatus(errno, "waitpid");
  is_reaped_ = true;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return absl::OkStatus();
}

std::string EndOfLog(const Server::Setup& setup, size_t bytes) {
  const std::string log = ReadAll(LogPath(setup));
  return log.size() <= bytes ? log : "…" + log.substr(log.size() - bytes);
}

}  // namespace taskforge::crash

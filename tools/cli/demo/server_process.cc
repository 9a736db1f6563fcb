#include "cli/demo/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace taskforge::cli {
namespace {

constexpr char kServer[] = "taskforged";
constexpr size_t kShownOfLog = 2'000;
// How often the ready file is looked for: less than what a start takes.
constexpr absl::Duration kLook = absl::Milliseconds(2);

bool IsProgram(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string EndOfLog(const std::string& path) {
  const std::string log = ReadAll(path);
  return log.size() <= kShownOfLog ? log : absl::StrCat("…", log.substr(log.size() - kShownOfLog));
}

// The address in the ready file; empty: it is not there yet. When it is, it is whole.
std::string AddressIn(const std::string& ready) {
  const std::string json = ReadAll(ready);
  const absl::string_view key = "\"grpc\":\"";
  const size_t found = json.find(key.data());
  if (found == std::string::npos) return "";
  const size_t start = found + key.size();
  return json.substr(start, json.find('"', start) - start);
}

// Words as execve() wants them: they point into `words`.
std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment() {
  std::vector<std::string> kept;
  for (char** each = environ; *each != nullptr; ++each) {
    if (!absl::StartsWith(*each, "TASKFORGE_")) kept.emplace_back(*each);
  }
  return kept;
}

// In the child, between fork and exec: only what is safe there.
[[noreturn]] void Become(pid_t parent, char* const argv[], char* const env[], int log) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // It ended before that.
  setpgid(0, 0);                        // An interrupt at the terminal is for the parent alone.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execve(argv[0], argv, env);
  _exit(127);
}

}  // namespace

absl::StatusOr<std::string> FindServerBinary(const std::string& named, absl::string_view path) {
  if (!named.empty()) {
    if (IsProgram(named)) return std::filesystem::absolute(named).string();
    return absl::NotFoundError(absl::StrCat(named, " is no program that can be started"));
  }
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string beside = (self.parent_path() / kServer).string();
  if (!error && IsProgram(beside)) return beside;
  for (const absl::string_view directory : absl::StrSplit(path, ':', absl::SkipEmpty())) {
    std::string candidate = absl::StrCat(directory, "/", kServer);
    if (IsProgram(candidate)) return candidate;
  }
  return absl::NotFoundError(absl::StrCat("there is no ", kServer, " beside this program (",
                                          self.parent_path().string(),
                                          ") nor in PATH: name it with --taskforged"));
}

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(const Setup& setup,
                                                                    absl::Duration patience) {
  const std::string ready = setup.directory + "/ready.json";
  std::error_code ignored;  // It need not be there.
  std::filesystem::remove(ready, ignored);
  const std::string log_path = setup.directory + "/server.log";
  std::vector<std::string> command = {
      setup.binary, "serve",      "--grpc-listen",           "127.0.0.1:0",    "--ready-file",
      ready,        "--data-dir", setup.directory + "/data", "--admin-listen", "127.0.0.1:0"};
  command.insert(command.end(), setup.flags.begin(), setup.flags.end());
  std::vector<std::string> environment = Environment();
  const std::vector<char*> argv = Pointers(command);
  const std::vector<char*> env = Pointers(environment);
  const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return absl::ErrnoToStatus(errno, log_path);
  const pid_t self = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) Become(self, argv.data(), env.data(), log);
  const int error = errno;
  ::close(log);
  if (pid < 0) return absl::ErrnoToStatus(error, "fork");
  // glibc's own is declared without C linkage in Debian 12.
  std::unique_ptr<ServerProcess> server(
      new ServerProcess(pid, static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
  if (server->pidfd_ < 0) return absl::ErrnoToStatus(errno, "pidfd_open");
  const absl::Time give_up = absl::Now() + patience;
  while ((server->address_ = AddressIn(ready)).empty()) {
    if (server->AwaitExit(kLook)) {
      return absl::UnavailableError(absl::StrCat("the server ended as it started, exit code ",
                                                 server->exit_code_, "\n", EndOfLog(log_path)));
    }
    if (absl::Now() > give_up) {
      return absl::DeadlineExceededError(absl::StrCat("the server does not serve after ",
                                                      absl::FormatDuration(patience), "\n",
                                                      EndOfLog(log_path)));
    }
  }
  return server;
}

ServerProcess::~ServerProcess() {
  if (!is_reaped_) {
    Kill();
    ::waitpid(pid_, nullptr, 0);
  }
  if (pidfd_ >= 0) ::close(pidfd_);
}

// It fails only for a process that has ended already.
void ServerProcess::Kill() { (void)::kill(pid_, SIGKILL); }

absl::StatusOr<int> ServerProcess::Stop(absl::Duration patience) {
  if (!is_reaped_) {
    (void)::kill(pid_, SIGTERM);
    if (!AwaitExit(patience)) {
      return absl::DeadlineExceededError(
          absl::StrCat("the server still lives after ", absl::FormatDuration(patience)));
    }
  }
  return exit_code_;
}

bool ServerProcess::AwaitExit(absl::Duration patience) {
  pollfd ended{pidfd_, POLLIN, 0};
  const absl::Time give_up = absl::Now() + patience;
  int ready = 0;
  do {
    const int64_t left =
        absl::ToInt64Milliseconds(absl::Ceil(give_up - absl::Now(), absl::Milliseconds(1)));
    ready = ::poll(&ended, 1, static_cast<int>(std::clamp<int64_t>(left, 0, INT_MAX)));
  } while (ready < 0 && errno == EINTR);
  int status = 0;
  if (ready <= 0 || ::waitpid(pid_, &status, 0) != pid_) return false;
  is_reaped_ = true;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

}  // namespace taskforge::cli

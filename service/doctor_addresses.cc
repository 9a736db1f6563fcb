#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "admin/listen_socket.h"
#include "doctor_checks.h"

namespace taskforge {
namespace {

Finding CannotListen(absl::string_view option, std::string what) {
  return {Verdict::kProblem, std::move(what),
          absl::StrCat("stop what has it (`ss -ltnp` says what; a server that runs already answers "
                       "`taskforged health`), or change ",
                       option)};
}

// Whether somebody listens on a socket's path.
bool Answers(const sockaddr_un& address) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const bool answers =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return answers;
}

// A socket that nobody listens on is no hindrance: the server replaces it. Nothing is bound here,
// since that would leave a file behind.
Finding CheckSocketPath(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return {Verdict::kProblem,
            absl::StrCat("grpc.listen: unix:", path, ": a socket's path has 1 to ",
                         sizeof(address.sun_path) - 1, " bytes"),
            "choose a shorter path"};
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  struct stat found;
  if (lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) {
      return CannotListen("grpc.listen",
                          absl::StrCat("grpc.listen: ", path, " is there and is no socket"));
    }
    if (Answers(address)) {
      return CannotListen("grpc.listen",
                          absl::StrCat("grpc.listen: another server listens on unix:", path));
    }
  }
  const size_t slash = path.rfind('/');
  std::string directory = slash == std::string::npos ? "." : path.substr(0, slash);
  if (directory.empty()) directory = "/";
  if (access(directory.c_str(), W_OK | X_OK) != 0) {
    return {Verdict::kProblem,
            absl::StrCat("grpc.listen: no socket can be made in ", directory, ": ",
                         std::strerror(errno)),
            "make the directory, and let the server's user write there"};
  }
  return {Verdict::kOk, absl::StrCat("grpc.listen: unix:", path, " can be bound"), ""};
}

// Adds the socket to `held`, if it was bound.
Finding CheckPort(const std::string& address, absl::string_view option, std::vector<int>& held) {
  const absl::StatusOr<ListenSocket> bound = Listen(address, option);
  if (bound.ok()) {
    held.push_back(bound->fd);
    return {Verdict::kOk, absl::StrCat(option, ": ", address, " can be bound"), ""};
  }
  std::string what = absl::StrCat(option, ": ", bound.status().message());
  if (absl::IsInvalidArgument(bound.status())) {
    return {Verdict::kProblem, std::move(what), absl::StrCat("correct ", option)};
  }
  return CannotListen(option, std::move(what));
}

}  // namespace

std::vector<Finding> CheckAddresses(const Config& config) {
  std::vector<Finding> findings;
  std::vector<int> held;  // To the end: two options may name one address.
  for (const std::string& address : config.rpc.listen) {
    absl::string_view path = address;
    findings.push_back(absl::ConsumePrefix(&path, "unix:")
                           ? CheckSocketPath(std::string(path))
                           : CheckPort(address, "grpc.listen", held));
  }
  findings.push_back(CheckPort(config.admin.listen, "admin.listen", held));
  for (const int fd : held) close(fd);
  return findings;
}

}  // namespace taskforge

#include "admin/listen_socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace taskforge {
namespace {

constexpr int kBacklog = 64;
constexpr int kPortMax = 65535;

struct HostPort {
  std::string host;
  std::string port;
};

absl::StatusOr<HostPort> Parse(absl::string_view listen, absl::string_view option) {
  const absl::Status error = absl::InvalidArgumentError(
      absl::StrCat("\"", listen, "\" is not HOST:PORT, as in 127.0.0.1:7481 (", option, ")"));
  const size_t colon = listen.rfind(':');
  if (colon == absl::string_view::npos || colon == 0) return error;
  absl::string_view host = listen.substr(0, colon);
  const absl::string_view port = listen.substr(colon + 1);
  int number = 0;
  if (!absl::SimpleAtoi(port, &number) || number < 0 || number > kPortMax) return error;
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) {
    host = host.substr(1, host.size() - 2);
  } else if (absl::StrContains(host, ':')) {
    return error;
  }
  return HostPort{std::string(host), std::string(port)};
}

bool IsLoopback(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    return (ntohl(v4->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
  return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) != 0;
}

std::string AddressOf(int fd) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  char host[NI_MAXHOST] = {};
  char port[NI_MAXSERV] = {};
  getnameinfo(reinterpret_cast<sockaddr*>(&storage), size, host, sizeof(host), port, sizeof(port),
              NI_NUMERICHOST | NI_NUMERICSERV);
  return storage.ss_family == AF_INET6 ? absl::StrCat("[", host, "]:", port)
                                       : absl::StrCat(host, ":", port);
}

}  // namespace

absl::StatusOr<ListenSocket> Listen(absl::string_view listen, absl::string_view option) {
  const absl::StatusOr<HostPort> parsed = Parse(listen, option);
  if (!parsed.ok()) return parsed.status();

  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(parsed->host.c_str(), parsed->port.c_str(), &hints, &found);
  if (error != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot resolve \"", listen, "\": ", gai_strerror(error), " (", option, ")"));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);

  ListenSocket result;
  result.fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  // So that a restart may bind while connections of the last run are in TIME_WAIT. On Linux it
  // shares the port with nobody who listens.
  const int reuse = 1;
  setsockopt(result.fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
  if (bind(result.fd, found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(result.fd, kBacklog) != 0) {
    const absl::Status status = absl::UnavailableError(
        absl::StrCat("cannot listen on ", listen, ": ", std::strerror(errno), " (", option, ")"));
    if (result.fd >= 0) close(result.fd);
    return status;
  }
  result.address = AddressOf(result.fd);
  result.is_loopback = IsLoopback(found->ai_addr);
  return result;
}

}  // namespace taskforge
